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
	if len(l4) < fixedLen(v.Proto) {
		return
	}
	switch {
	case v.Proto == protoICMP:
		v.HasICMP = true
		v.ICMPType, v.ICMPCode = l4[0], l4[1]
	case hasPorts(v.Proto):
		v.HasPorts = true
		v.SrcPort = binary.BigEndian.Uint16(l4)
		v.DstPort = binary.BigEndian.Uint16(l4[2:])
		if v.Proto == protoTCP {
			v.TCPFlags = l4[13]
		}
	}
}

// hasPorts reports whether the first four bytes of a protocol are two ports.
func hasPorts(proto uint8) bool {
	switch proto {
	case protoTCP, protoUDP, protoUDPLite, protoDCCP, protoSCTP:
		return true
	}
	return false
}

// fixedLen returns the length of the fixed part of a layer-4 header, for protocols
// without a name here the 8 bytes that an ICMP error quotes of them (RFC 792).
func fixedLen(proto uint8) int {
	switch proto {
	case protoTCP:
		return 20
	case protoSCTP, protoDCCP:
		return 12
	}
	return 8
}
