package netlabel

import (
	"net/netip"

	"labelgate/engine"
	"labelgate/hostmap"
)

// compileNextHops finds, for each entry whose hosts are reached through another
// gateway, whether that one speaks labels and in which domain.
func (c *compiler) compileNextHops() {
	for i := range c.spec.Hosts {
		spec, e := &c.spec.Hosts[i], &c.s.entries[i]
		if !spec.Via.IsValid() {
			continue
		}
		at := engine.Origin{File: spec.File, Line: spec.Line}
		in := c.s.ZoneOf(spec.Via)
		z, hop := c.s.zoneAt(in), c.s.entryAt(c.s.hosts.Lookup(uint8(in), spec.Via))
		switch {
		case in == 0:
			c.problem(at, "name its network in a [[zone]]", "no zone holds the next hop %s", spec.Via)
		case z.trust == Refuse, hop != nil && hop.kind == hostmap.SingleLabel, hop == nil && z.label != engine.Unknown:
			c.problem(at, "leave via out: labels are taken off here", "the next hop %s speaks no labels", spec.Via)
		case spec.Zone != "" && spec.Zone != z.name, spec.Zone == "" && !c.lives(spec.Prefix, in):
			// Its label would stay on for a zone that may refuse labels.
			c.problem(at, "name the next hop that the hosts' own zone has", "the next hop %s is in zone %s, where not all hosts of this entry live", spec.Via, z.name)
		case spec.OnLabel != hostmap.LabelDrop:
			c.problem(at, "leave on-label out", "on-label has no say where there is a next hop: packets come with the label that it puts on")
		default:
			e.via = z.doi
			if hop != nil && hop.doi >= 0 {
				e.via = hop.doi
			}
		}
	}
}

// lives reports whether all addresses of a prefix live in a zone: the narrowest
// network around them is the zone's, and so is each within.
func (c *compiler) lives(p netip.Prefix, in Zone) bool {
	around, owner := -1, Zone(0)
	for i := range c.spec.Zones {
		networks := c.spec.Zones[i].Networks
		if len(networks) == 0 && around < 0 {
			around, owner = 0, Zone(i+1) // it holds every address that no other does
		}
		for _, n := range networks {
			switch {
			case !n.Overlaps(p):
			case n.Bits() > p.Bits():
				if Zone(i+1) != in {
					return false
				}
			case n.Bits() > around:
				around, owner = n.Bits(), Zone(i+1)
			}
		}
	}
	return owner == in
}
