package nft

// links looks at the interfaces.
func (s *search) links() error {
	all, err := listLinks(s.plan.NetNS)
	if err != nil {
		return err
	}
	s.byName, s.byID = make(map[string]kernelLink, len(all)), make(map[uint32]kernelLink, len(all))
	for _, l := range all {
		s.byName[l.name], s.byID[l.index] = l, l
	}
	for i := range all {
		s.link(&all[i])
	}
	return nil
}

func (s *search) link(l *kernelLink) {
	if zone, ok := s.zone[l.name]; ok {
		if l.xdp {
			s.add(XDP, false, l.name, "XDP program %d at interface %s of zone %s has its packets before the rules and may hand them on", l.program, l.name, zone)
		}
		if l.switchPort {
			s.add(Hardware, false, l.name, "interface %s of zone %s is a port of a switch, which may forward by itself", l.name, zone)
		}
		return
	}
	switch l.kind {
	case "macvlan", "macvtap", "ipvlan", "ipvtap":
		if lower := s.byID[l.lower]; s.zone[lower.name] != "" {
			s.add(Upper, true, lower.name, "interface %s (%s) is in no zone and takes frames from the cable of %s of zone %s; name it in the zone or take it away",
				l.name, l.kind, lower.name, s.zone[lower.name])
		}
	}
}
