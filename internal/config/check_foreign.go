package config

import (
	"slices"

	"labelgate/internal/suggest"
	"labelgate/netlabel"
)

// tunnels checks the names of admitted tunnels.
func (c *zoneChecker) tunnels(list texts) []string {
	var known []string
	for _, t := range netlabel.Tunnels() {
		known = append(known, t.Name)
	}
	var names []string
	for _, t := range list.value {
		switch {
		case !slices.Contains(known, t.value):
			c.problem(t.at, "value", suggest.HintOrAll(t.value, known), "%q is not the name of a tunnel", t.value)
		case slices.Contains(names, t.value):
			c.problem(t.at, "duplicate", "", "tunnel %q is named twice", t.value)
		default:
			names = append(names, t.value)
		}
	}
	return names
}

// Ethertypes that need no admission: ARP always passes, and IPv6 has rules of its
// own. Below the least one the number is a length (IEEE 802.3 clause 3.2.6).
const (
	ethertypeIPv4  = 0x0800
	ethertypeARP   = 0x0806
	ethertypeIPv6  = 0x86dd
	leastEthertype = 0x0600
)

// ethertypes checks what else than IP is admitted on the links of a zone.
func (c *zoneChecker) ethertypes(list counts) []uint16 {
	var admitted []uint16
	for _, n := range list.value {
		v := n.value
		switch {
		case v < leastEthertype || v > 0xffff:
			c.problem(n.at, "range", "such as 0x8847 for MPLS or 0x8100 for VLAN tags", "an ethertype is %#x..0xffff, this is %#x", leastEthertype, v)
		case v == ethertypeIPv4 || v == ethertypeARP || v == ethertypeIPv6:
			c.problem(n.at, "value", "leave it out", "ethertype %#04x needs no admission: IPv4 is judged, ARP passes, and IPv6 stays closed", v)
		case slices.Contains(admitted, uint16(v)):
			c.problem(n.at, "duplicate", "", "ethertype %#04x is named twice", v)
		default:
			admitted = append(admitted, uint16(v))
		}
	}
	return admitted
}

// icmpErrors checks that errors are not asked for where they must not go.
func (c *zoneChecker) icmpErrors(z *rawZone, zone *Zone) {
	zone.ICMPErrors = zone.Labels != netlabel.Refuse
	switch {
	case !z.icmpErrors.set:
	case z.icmpErrors.value && zone.Labels == netlabel.Refuse:
		c.problem(z.icmpErrors.at, "value", "leave it out", "icmp-errors cannot be true where labels are refused: they would say which check a packet failed")
	default:
		zone.ICMPErrors = z.icmpErrors.value
	}
}
