package ipv4

import (
	"encoding/binary"
	"net/netip"
)

// Report is what an ICMP error (RFC 792 types 3, 4, 5, 11 and 12) says. It may be
// copied and keeps nothing of the packet.
//
// What it says of the quoted datagram is as its sender sent it only as far as the
// sender of the error is honest and nobody on the way rewrote it.
type Report struct {
	Type, Code uint8
	// MTU is the next-hop MTU in bytes that type 3 code 4 names (RFC 1191). It is 0
	// where the router knows nothing of that, and for all other messages.
	MTU uint16
	// QuoteLen counts the bytes behind the ICMP header, with the extension structure
	// of RFC 4884 if there is one.
	QuoteLen int

	// Usable says that a whole IPv4 header is quoted. What follows here is zero
	// without it.
	Usable         bool
	Src, Dst       netip.Addr // IPv4, never IPv4-mapped
	Proto          uint8
	FragmentOffset int // in bytes; nothing is known of layer 4 when it is not 0

	// HasPorts says that SrcPort and DstPort are there: a quote of TCP, UDP,
	// UDP-Lite, DCCP or SCTP with the first four bytes of its header.
	HasPorts         bool
	SrcPort, DstPort uint16
	// HasQuery says that ICMPType and ICMPID are there: a quote of an ICMP message
	// with an identifier (echo, timestamp, information or address mask).
	HasQuery bool
	ICMPType uint8
	ICMPID   uint16
	// QuotedError says that the quote is an ICMP error itself, which nobody may
	// answer with one (RFC 1122 section 3.2.2).
	QuotedError bool
}

// Report reads an ICMP error, which may be a first fragment. ok is false for every
// other packet, for a message shorter than the ICMP header, and when Parse found a
// fault. It is true however little is quoted.
func (v *View) Report() (r Report, ok bool) {
	if !v.sound || !v.HasICMP || !isError(v.ICMPType) {
		return Report{}, false
	}
	m := v.Packet[v.Transport:]
	r.Type, r.Code = v.ICMPType, v.ICMPCode
	r.MTU = nextMTU(m)
	r.quoted(m[icmpHeaderLen:])
	return r, true
}

// nextMTU returns the next-hop MTU of an ICMP message, 0 when it names none.
func nextMTU(m []byte) uint16 {
	if m[0] != icmpUnreachable || m[1] != codeTooBig {
		return 0
	}
	return binary.BigEndian.Uint16(m[offNextMTU:])
}

// quoted reads the quote q.
func (r *Report) quoted(q []byte) {
	r.QuoteLen = len(q)
	if len(q) < MinHeaderLen || q[0]>>4 != 4 {
		return
	}
	hl := int(q[0]&0xf) * 4
	if hl < MinHeaderLen || hl > len(q) {
		return
	}
	r.Usable = true
	r.Src = netip.AddrFrom4([4]byte(q[12:16]))
	r.Dst = netip.AddrFrom4([4]byte(q[16:20]))
	r.Proto = q[9]
	r.FragmentOffset = int(binary.BigEndian.Uint16(q[6:])&maskOffset) * 8
	if r.FragmentOffset != 0 {
		return
	}
	l4 := q[hl:]
	switch {
	case hasPorts(r.Proto) && len(l4) >= 4:
		r.HasPorts = true
		r.SrcPort = binary.BigEndian.Uint16(l4)
		r.DstPort = binary.BigEndian.Uint16(l4[2:])
	case r.Proto == protoICMP && len(l4) > 0:
		r.QuotedError = isError(l4[0])
		if isQuery(l4[0]) && len(l4) >= offICMPID+2 {
			r.HasQuery = true
			r.ICMPType = l4[0]
			r.ICMPID = binary.BigEndian.Uint16(l4[offICMPID:])
		}
	}
}
