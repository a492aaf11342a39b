package ipv4

import (
	"bytes"
	"encoding/binary"
)

// BlankQuoted overwrites the options of the header that an ICMP error quotes
// (RFC 792) with NOPs, if one of their bytes could be the type of a CIPSO option,
// and reports whether it changed anything. A host that was sent a label quotes it
// back, which would show the label to the side that never had one. packet is a
// whole IPv4 packet, changed in place; it keeps its length. The checksum of the
// quoted header follows incrementally, and so the sum over the message stays what
// it was.
//
// All of them are overwritten, because a quote may be cut anywhere and need not be
// a header that any parser accepted. Left alone are other messages than types 3,
// 4, 5, 11 and 12, and later fragments.
func BlankQuoted(packet []byte) bool {
	q := quote(packet)
	if q == nil {
		return false
	}
	area := q[MinHeaderLen:]
	if bytes.IndexByte(area, typeCIPSO) < 0 {
		return false
	}
	check := binary.BigEndian.Uint16(q[offHeaderSum:])
	for i := range area {
		check = update(check, uint16(area[i])<<8, typeNOP<<8, i)
		area[i] = typeNOP
	}
	binary.BigEndian.PutUint16(q[offHeaderSum:], check)
	return true
}

// quote returns what there is of the header that an ICMP error quotes, nil when
// packet is none or the quote has no options.
func quote(packet []byte) []byte {
	if len(packet) < MinHeaderLen || packet[0]>>4 != 4 || packet[9] != protoICMP || binary.BigEndian.Uint16(packet[6:])&maskOffset != 0 {
		return nil
	}
	from := int(packet[0]&0xf)*4 + icmpHeaderLen
	total := min(int(binary.BigEndian.Uint16(packet[2:])), len(packet))
	if from < MinHeaderLen+icmpHeaderLen || total-from <= MinHeaderLen {
		return nil
	}
	if !isError(packet[from-icmpHeaderLen]) {
		return nil
	}
	q := packet[from:total]
	if q[0]>>4 != 4 || int(q[0]&0xf)*4 <= MinHeaderLen {
		return nil
	}
	return q[:min(len(q), int(q[0]&0xf)*4)]
}
