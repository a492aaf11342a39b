package ipv4

import "encoding/binary"

// Protocol numbers that have a port pair in their first four bytes, and ICMP.
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoSCTP    = 132
	protoUDPLite = 136
)

// transport reads ports, TCP flags and the ICMP type where they exist.
func (v *View) transport() {
	if v.FragmentOffset != 0 {
		return
	}
	v.Transport = v.HeaderLen
	l4 := v.Packet[v.HeaderLen:]
	var fixed int // length of the fixed part of the header
	switch v.Proto {
	case protoTCP:
		fixed = 20
	case protoUDP, protoUDPLite:
		fixed = 8
	case protoSCTP, protoDCCP:
		fixed = 12
	case protoICMP:
		if len(l4) >= 8 {
			v.HasICMP = true
			v.ICMPType, v.ICMPCode = l4[0], l4[1]
		}
		return
	default:
		return
	}
	if len(l4) < fixed {
		return
	}
	v.HasPorts = true
	v.SrcPort = binary.BigEndian.Uint16(l4)
	v.DstPort = binary.BigEndian.Uint16(l4[2:])
	if v.Proto == protoTCP {
		v.TCPFlags = l4[13]
	}
}
