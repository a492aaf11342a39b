package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"labelgate/cipso"
	"labelgate/netlabel"
)

const (
	maxZoneName = 32
	maxIfName   = 15 // IFNAMSIZ of Linux less its terminating zero
)

// zoneChecker remembers what the zones before have taken.
type zoneChecker struct {
	*checker
	dois       []DOI
	names      map[string]span
	interfaces map[string]span
	networks   map[netip.Prefix]span
}

func (c *checker) zones(raw entry[[]entry[rawZone]], dois []DOI) []Zone {
	z := zoneChecker{c, dois, make(map[string]span), make(map[string]span), make(map[netip.Prefix]span)}
	switch n := len(raw.value); {
	case n == 0 && len(c.problems) == 0: // a misspelt header is reported already
		c.problem(span{}, "missing", "a [[zone]] names the interfaces that labelgate guards", "there is no [[zone]]")
	case n > netlabel.MaxZones:
		c.problem(raw.value[netlabel.MaxZones].at, "zones", "", "%d zones are more than the %d that a packet mark can tell apart", n, netlabel.MaxZones)
	}
	var zones []Zone
	for i := range raw.value {
		zones = append(zones, z.zone(&raw.value[i]))
	}
	return zones
}

func (c *zoneChecker) zone(raw *entry[rawZone]) Zone {
	z := &raw.value
	zone := Zone{
		Name:         c.name(raw),
		Interfaces:   c.ifaces(raw),
		Networks:     c.nets(raw),
		Labels:       netlabel.Trust(c.word(z.labels, "labels", trusts[:])),
		Label:        c.label(z.label, "label", ""),
		Only:         c.only(z.only),
		Restrict:     c.path(z.restrict, "restrict", ""),
		LabelAmbient: z.labelAmbient.value,
		Tunnels:      c.tunnels(z.tunnels),
		Ethertypes:   c.ethertypes(z.ethertypes),
	}
	zone.Line, _, _ = c.doc.position(raw.at)
	c.zoneDOI(raw, &zone)
	c.icmpErrors(z, &zone)
	return zone
}

// zoneDOI checks that the zone has a DOI exactly when it speaks CIPSO.
func (c *zoneChecker) zoneDOI(raw *entry[rawZone], zone *Zone) {
	z := &raw.value
	if z.doi.set {
		zone.DOI = c.doiNumber(z.doi, "doi")
		if zone.DOI != 0 && !c.defined(zone.DOI) {
			c.problem(z.doi.at, "doi", fmt.Sprintf("add a [[doi]] with number = %d", zone.DOI), "DOI %d is not defined", zone.DOI)
		}
	}
	if z.labels.set && !slices.Contains(trusts[:], z.labels.value) {
		return // reported already, and what was meant is unknown
	}
	if zone.Labels != netlabel.Refuse {
		if z.doi.absent() {
			c.missing(raw.at, "doi", "this [[zone]]", fmt.Sprintf("labels = %q needs the DOI that its hosts speak", zone.Labels))
		}
		return
	}
	const hint = `set labels = "accept" or "require" when its hosts speak CIPSO`
	if z.doi.set {
		c.problem(z.doi.at, "doi", hint, "a zone that refuses labels speaks no DOI")
		zone.DOI = 0
	}
	if z.labelAmbient.value {
		c.problem(z.labelAmbient.at, "value", hint, "label-ambient cannot be true where labels are refused")
	}
}

// defined reports whether there is such a DOI, or one whose number was at fault
// and may have been meant to be it.
func (c *zoneChecker) defined(doi cipso.DOI) bool {
	return slices.ContainsFunc(c.dois, func(d DOI) bool { return d.Number == doi || d.Number == 0 })
}

func (c *zoneChecker) name(raw *entry[rawZone]) string {
	name := raw.value.name
	if !name.set {
		if name.absent() {
			c.missing(raw.at, "name", "this [[zone]]", "")
		}
		return ""
	}
	if name.value == "" || len(name.value) > maxZoneName || strings.ContainsFunc(name.value, notNameRune) {
		c.problem(name.at, "value", "", "a zone's name is 1..%d letters, digits or any of - _ .", maxZoneName)
		return ""
	}
	c.claim(c.names, name, "zone %q is defined twice, first in %s")
	return name.value
}

func notNameRune(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}

// claim notes that a value is taken, or that it already was.
func (c *zoneChecker) claim(taken map[string]span, t text, format string) bool {
	if at, ok := taken[t.value]; ok {
		c.problem(t.at, "duplicate", "", format, t.value, c.line(at))
		return false
	}
	taken[t.value] = t.at
	return true
}

func (c *zoneChecker) ifaces(raw *entry[rawZone]) []string {
	z := &raw.value
	switch {
	case z.interfaces.absent():
		c.missing(raw.at, "interfaces", "this [[zone]]", "")
	case z.interfaces.set && len(z.interfaces.value) == 0:
		c.problem(z.interfaces.at, "missing", "", "a zone needs at least one interface")
	}
	var names []string
	for _, t := range z.interfaces.value {
		switch {
		case !validInterface(t.value):
			c.problem(t.at, "value", "", "%q cannot be the name of a network interface", t.value)
		case c.claim(c.interfaces, t, "interface %q is named twice, first in %s"):
			names = append(names, t.value)
		}
	}
	return names
}

// validInterface says what Linux says of a network device's name. A trailing *
// or +, which some programs take for a pattern, names nothing here.
func validInterface(name string) bool {
	if name == "" || len(name) > maxIfName || name == "." || name == ".." {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("/:*+", r) })
}

func (c *zoneChecker) nets(raw *entry[rawZone]) []netip.Prefix {
	z := &raw.value
	everything := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if z.networks.absent() {
		if first, ok := c.networks[everything]; ok {
			c.problem(raw.at, "duplicate", "give all zones but one their networks", "two zones hold every other address, the first in %s", c.line(first))
		}
		c.networks[everything] = raw.at
	} else if z.networks.set && len(z.networks.value) == 0 {
		c.problem(z.networks.at, "value", "leave networks out for a zone that holds every other address", "networks is empty")
	}
	var nets []netip.Prefix
	for _, t := range z.networks.value {
		p, ok := c.network(t)
		if !ok {
			continue
		}
		if first, taken := c.networks[p]; taken {
			c.problem(t.at, "duplicate", "", "network %s is named twice, first in %s", p, c.line(first))
			continue
		}
		c.networks[p] = t.at
		nets = append(nets, p)
	}
	return nets
}

func (c *checker) network(t text) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(t.value)
	if err != nil {
		a, err := netip.ParseAddr(t.value)
		if err != nil || a.Zone() != "" {
			c.problem(t.at, "network", `write it as in "10.1.0.0/16"`, "%q is not a network", t.value)
			return p, false
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	switch {
	case !p.Addr().Is4():
		c.problem(t.at, "network", "", "%s is not IPv4; everything else is refused in a zone", t.value)
	case p != p.Masked():
		c.problem(t.at, "network", fmt.Sprintf("the network is %s", p.Masked()), "%s has bits set behind its prefix length", t.value)
	default:
		return p, true
	}
	return p, false
}

// only checks an accreditation.
func (c *checker) only(list texts) []string {
	if list.set && len(list.value) == 0 {
		c.problem(list.at, "value", "leave it out to admit every label", "only is empty: no packet could pass")
	}
	var labels []string
	for _, t := range list.value {
		label := c.label(t, "only", "")
		switch {
		case label == "":
		case slices.Contains(labels, label):
			c.problem(t.at, "duplicate", "", "label %q is named twice", label)
		default:
			labels = append(labels, label)
		}
	}
	return labels
}
