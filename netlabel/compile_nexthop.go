package netlabel

import (
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
		default:
			e.via = z.doi
			if hop != nil && hop.doi >= 0 {
				e.via = hop.doi
			}
		}
	}
}
