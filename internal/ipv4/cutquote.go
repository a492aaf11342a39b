package ipv4

import "encoding/binary"

// CutQuote cuts off what an ICMP error quotes behind the header and the 8 bytes that
// follow it (RFC 792): what stands there may be anything that its sender wants to say.
// packet is a whole IPv4 packet, changed in place, whose quote RepairQuote found
// sound. It returns the new length, that of packet when there is nothing to cut.
func CutQuote(packet []byte) int {
	var v View
	if v.Parse(packet, Compat).Code != NoFault {
		return len(packet)
	}
	r, ok := v.Report()
	if !ok || !r.Usable {
		return len(packet)
	}
	quote := v.Transport + icmpHeaderLen
	end := quote + int(packet[quote]&0xf)*4 + icmpHeaderLen
	if end >= len(v.Packet) {
		return len(packet)
	}
	message := packet[v.Transport:end]
	if hasQuoteLen(message[0]) {
		message[offQuoteWords] = 0 // RFC 4884: no structure follows any more
	}
	message[offICMPSum], message[offICMPSum+1] = 0, 0
	binary.BigEndian.PutUint16(message[offICMPSum:], Checksum(message))
	binary.BigEndian.PutUint16(packet[2:], uint16(end))
	seal(packet[:v.HeaderLen])
	return end
}
