package netlabel

import (
	"slices"

	"labelgate/internal/ipv4"
)

// Tunnel is a protocol whose packets carry packets that have headers, and labels,
// of their own. What is inside cannot be judged and crosses the perimeter under
// the label of the outside, so it is refused, unless both zones admit the tunnel:
// then one label stands for all of it. AH and ESP are among them; AH also signs
// the very option that would be changed.
type Tunnel struct {
	Name      string
	Protocols []uint8  // of IP
	Ports     []uint16 // of UDP, at either end, but for sources that are chosen at random
}

// tunnels are told by protocol number (IANA) or by the UDP port that they are
// registered for. Who agrees on another port, or on another protocol, cannot be
// told from outside.
var tunnels = []Tunnel{
	{Name: "ipip", Protocols: []uint8{4, 94}},
	{Name: "6in4", Protocols: []uint8{41}},
	{Name: "gre", Protocols: []uint8{47}, Ports: []uint16{4754, 4755}}, // RFC 2784, RFC 8086 without and with DTLS
	{Name: "esp", Protocols: []uint8{50}, Ports: []uint16{4500}},       // RFC 4303, RFC 3948
	{Name: "ah", Protocols: []uint8{51}},
	{Name: "mobile", Protocols: []uint8{55}},       // RFC 2004
	{Name: "etherip", Protocols: []uint8{97, 143}}, // RFC 3378, RFC 8986
	{Name: "encap", Protocols: []uint8{98}},
	{Name: "ipcomp", Protocols: []uint8{108}}, // RFC 3173: what is compressed may be a packet
	{Name: "nsh", Protocols: []uint8{145}},    // RFC 8300
	{Name: "l2tp", Protocols: []uint8{115}, Ports: []uint16{1701}},
	{Name: "mpls", Protocols: []uint8{137}, Ports: []uint16{6635, 6636}}, // RFC 4023, RFC 7510
	{Name: "vxlan", Ports: []uint16{4789, 4790, 8472}},                   // RFC 7348, its generic extension, Linux before it was registered
	{Name: "geneve", Ports: []uint16{6081}},                              // RFC 8926
	{Name: "teredo", Ports: []uint16{3544}},                              // RFC 4380
	{Name: "gtp", Ports: []uint16{2152, 2123}},
	{Name: "gue", Ports: []uint16{6080}},
	{Name: "lisp", Ports: []uint16{4341}},
	{Name: "wireguard", Ports: []uint16{51820}},
	{Name: "openvpn", Ports: []uint16{1194}},
}

// Tunnels returns the tunnels that are known.
func Tunnels() []Tunnel { return slices.Clone(tunnels) }

// tunnelSet is a set of indices into tunnels, a bit each.
type tunnelSet uint32

const protoUDP = 17

// byProtocol holds the tunnels of each protocol, and ports a bit for each port of
// UDP that some tunnel has: every packet asks, so both stay small.
var (
	byProtocol [256]tunnelSet
	ports      [1 << 16 / 64]uint64
)

func init() {
	for i, t := range tunnels {
		for _, p := range t.Protocols {
			byProtocol[p] |= 1 << i
		}
		for _, p := range t.Ports {
			ports[p/64] |= 1 << (p % 64)
		}
	}
}

// byPort returns the tunnels of a port.
func byPort(port uint16) (found tunnelSet) {
	if ports[port/64]>>(port%64)&1 == 0 {
		return 0
	}
	for i, t := range tunnels {
		if slices.Contains(t.Ports, port) {
			found |= 1 << i
		}
	}
	return found
}

// ephemeral is the least port that Linux gives to sockets that ask for none. One of
// them may happen to be a tunnel's, and says nothing where it is the source.
const ephemeral = 32768

// tunnelsOf returns the tunnels that a packet may belong to.
func tunnelsOf(v *ipv4.View) tunnelSet {
	found := byProtocol[v.Proto]
	if v.Proto == protoUDP && v.HasPorts {
		found |= byPort(v.DstPort)
		if v.SrcPort < ephemeral {
			found |= byPort(v.SrcPort)
		}
	}
	return found
}

// TunnelsRefused returns the tunnels of a packet that a zone does not admit, by
// their names; none for no zone.
func (s *Snapshot) TunnelsRefused(v *ipv4.View, z Zone) (names []string) {
	if z == 0 {
		return nil
	}
	refused := tunnelsOf(v) &^ s.zoneAt(z).tunnels
	for i, t := range tunnels {
		if refused&(1<<i) != 0 {
			names = append(names, t.Name)
		}
	}
	return names
}

// tunnelAdmitted reports whether the packet is no tunnel's, or one of a tunnel that
// both its zones admit. This machine, which may be one of the ends, admits all.
func (j *judgement) tunnelAdmitted() bool {
	found := tunnelsOf(&j.view)
	if found == 0 {
		return true
	}
	admitted := ^tunnelSet(0)
	for _, z := range [2]Zone{j.v.InZone, j.v.OutZone} {
		if z != 0 {
			admitted &= j.s.zoneAt(z).tunnels
		}
	}
	return found&admitted == found
}

// tunnelNamed returns the set of one tunnel.
func tunnelNamed(name string) (tunnelSet, bool) {
	i := slices.IndexFunc(tunnels, func(t Tunnel) bool { return t.Name == name })
	if i < 0 {
		return 0, false
	}
	return 1 << i, true
}
