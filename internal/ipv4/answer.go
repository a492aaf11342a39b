package ipv4

import "encoding/binary"

// Answerable reports whether a packet may be answered with an ICMP error at all
// (RFC 1122 section 3.2.2, RFC 1812 section 4.3.2.7). It may not
//
//   - if it is an ICMP message other than a query, unknown types included: two
//     hosts would answer each other for ever;
//   - if it is a fragment after the first;
//   - if its source is not one host: network 0, loopback, multicast, class E or
//     limited broadcast;
//   - if its destination is multicast or limited broadcast, 0.0.0.0 included, which
//     once meant the same;
//   - if Parse found a fault before the options: where it came from is then unknown.
//
// A fault in the options may be answered. The broadcast addresses of subnets, and
// whether the link layer delivered the packet to many, are the caller's to know.
func (v *View) Answerable() bool {
	if v.Transport == 0 { // a later fragment, or a fault before the options
		return false
	}
	if v.Proto == protoICMP && !(v.HasICMP && isQuery(v.ICMPType)) {
		return false
	}
	src, dst := v.Src.As4(), v.Dst.As4()
	if src[0] == 0 || src[0] == 127 || src[0] >= 224 {
		return false
	}
	return !v.Dst.IsMulticast() && dst != [4]byte{} && dst != [4]byte{255, 255, 255, 255}
}

// Error is an ICMP error to be sent: RFC 792 types 3, 4, 11 and 12. For a redirect
// it has no gateway.
type Error struct {
	Type, Code uint8
	Pointer    uint8  // type 12 only: the offset of the offending byte in Quoted, or for code 1 an option's type
	MTU        uint16 // type 3 code 4 only: the next-hop MTU in bytes, RFC 1191
	// Quoted is the packet that the error is about, from its IP header on. What
	// stands behind its total length is not quoted.
	Quoted []byte
}

// AppendError appends the ICMP message e, without an IP header, to dst. It quotes
// as much as keeps the message within 576 bytes (RFC 1812 section 4.3.2.3) behind
// even the longest IP header. Quoted must not overlap the bytes behind dst.
func AppendError(dst []byte, e Error) []byte {
	q := e.Quoted
	if len(q) >= MinHeaderLen {
		q = q[:min(len(q), int(binary.BigEndian.Uint16(q[2:])))]
	}
	q = q[:min(len(q), maxErrorLen-MaxHeaderLen-icmpHeaderLen)]

	start := len(dst)
	dst = append(dst, e.Type, e.Code, 0, 0, 0, 0, 0, 0)
	dst = append(dst, q...)
	m := dst[start:]
	switch {
	case e.Type == icmpParameterProblem:
		m[offPointer] = e.Pointer
	case e.Type == icmpUnreachable && e.Code == codeTooBig:
		binary.BigEndian.PutUint16(m[offNextMTU:], e.MTU)
	}
	binary.BigEndian.PutUint16(m[offICMPSum:], Checksum(m))
	return dst
}
