package memory

import (
	"encoding/binary"

	"labelgate/internal/flow"
	"labelgate/internal/ipv4"
)

// Protocols whose packets belong to a flow by more than their addresses.
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoSCTP    = 132
	protoUDPLite = 136
)

// keyOf returns the flow of a packet whose header was found sound. Later fragments
// have none: they do not say which.
func keyOf(b []byte) (k flow.Key, ok bool) {
	if binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
		return k, false
	}
	k.Src, k.Dst, k.Proto = [4]byte(b[12:]), [4]byte(b[16:]), b[9]
	l4 := b[int(b[0]&0xf)*4:]
	switch k.Proto {
	case protoTCP, protoUDP, protoDCCP, protoSCTP, protoUDPLite:
		if len(l4) >= 4 {
			k.SrcPort, k.DstPort = binary.BigEndian.Uint16(l4), binary.BigEndian.Uint16(l4[2:])
		}
	case protoICMP:
		if len(l4) >= 8 {
			k.SrcPort, k.DstPort = binary.BigEndian.Uint16(l4[4:]), uint16(l4[0])
		}
	}
	return k, true
}

// report is what an ICMP error says it is about.
type report struct {
	is     bool // the packet is an ICMP error
	usable bool // key is that of a datagram that the error's receiver sent
	key    flow.Key
}

// reports reads what an ICMP error quotes.
func reports(b []byte) (r report) {
	if len(b) < ipv4.MinHeaderLen || b[9] != protoICMP {
		return r
	}
	var v ipv4.View
	if v.Parse(b, ipv4.Compat).Code != ipv4.NoFault {
		return r
	}
	q, ok := v.Report()
	if !ok {
		return r
	}
	r.is = true
	if !q.Usable || q.FragmentOffset != 0 || q.QuotedError || q.Src.As4() != [4]byte(b[16:]) {
		return r
	}
	r.usable = true
	r.key = flow.Key{Src: q.Src.As4(), Dst: q.Dst.As4(), Proto: q.Proto}
	switch {
	case q.HasPorts:
		r.key.SrcPort, r.key.DstPort = q.SrcPort, q.DstPort
	case q.HasQuery:
		r.key.SrcPort, r.key.DstPort = q.ICMPID, uint16(q.ICMPType)
	}
	return r
}
