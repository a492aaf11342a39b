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
	for i := range all { // before there are places below
		s.upper(&all[i])
	}
	s.descend(all)
	for i := range all {
		s.link(&all[i])
	}
	return nil
}

// descend makes places of the interfaces that those of zones rest on: the ports of a
// bridge, and what carries the frames of a VLAN.
func (s *search) descend(all []kernelLink) {
	for more := true; more; {
		more = false
		for i := range all {
			l := &all[i]
			if _, known := s.places[l.name]; known {
				continue
			}
			for device, place := range s.places {
				over := s.byName[device]
				if over.index == 0 || l.master != over.index && !(over.rests() && over.lower == l.index) {
					continue
				}
				s.places[l.name], more = place, true
				break
			}
		}
	}
}

// rests reports whether the interface takes its frames out of those of another.
func (l *kernelLink) rests() bool {
	switch l.kind {
	case "vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec":
		return true
	}
	return false
}

func (s *search) link(l *kernelLink) {
	place, ok := s.places[l.name]
	if !ok {
		return
	}
	if l.xdp {
		s.add(XDP, false, place.of, "XDP program %d has the packets of %s before the rules and may hand them on", l.program, s.describe(l.name))
	}
	if l.switchPort {
		s.add(Hardware, false, place.of, "%s is a port of a switch, which may forward by itself", s.describe(l.name))
	}
}

// upper tells of an interface in no zone on the cable of one that is. A VLAN's is
// none: what has its tag is admitted by the zone or dropped.
func (s *search) upper(l *kernelLink) {
	lower := s.byID[l.lower].name
	_, zoned := s.places[l.name]
	if place, ok := s.places[lower]; ok && !zoned && l.rests() && l.kind != "vlan" {
		s.add(Upper, true, place.of, "interface %s (%s) is in no zone and takes frames from the cable of %s; name it in the zone or take it away", l.name, l.kind, s.describe(lower))
	}
}
