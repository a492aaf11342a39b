package ipv4

import "encoding/binary"

// RepairQuote makes the header that an ICMP error quotes (RFC 792 types 3, 4, 5, 11
// and 12) what its receiver sent: the CIPSO option that it sent in place of any that
// the quote has, or none when option is nil. Without that a label would reach who
// never had one, and a sender would not know its datagram again.
//
// buf[:n] is a whole IPv4 packet, its own header already as it is to leave, and buf
// has at least MaxOptionsLen bytes behind it. It is changed in place; buf[:m] is the
// result, every byte of which comes from the packet, from option or is zero. option
// must not overlap buf. After a refusal m is 0 and nothing was changed.
//
// The quoted options are written as View.Rewrite writes them: CIPSO first, the
// others in their order, no NOPs, zero bytes to the end of the last word. A quote
// that neither has a CIPSO option nor is given one keeps its own form. None of the
// other options is kept when one of their bytes equals the type of CIPSO, since
// another reading of the header could find a label there; when the header is cut
// off; and when its options contradict themselves or have two labels. Less than 20
// quoted bytes hold no option and stay.
//
// Length and checksum of the quoted header follow, the latter such that a wrong one
// stays wrong. Only a header that was cut off, whose checksum tells nobody anything,
// gets a right one. The pointer of a parameter problem follows what it points at;
// where that is gone it is the offset of the new CIPSO option, or 0. Behind the
// quoted header nothing changes.
//
// The message grows to no more than 576 bytes (RFC 1812 section 4.3.2.3), or than
// it had; the end of the quote is cut for that. An extension structure (RFC 4884) is
// cut off when the quote in front of it changes its length. Routers older than that
// document put such a structure at byte 128 of the quote and do not say so; theirs
// passes for quoted data.
//
// less above 0 lowers the next-hop MTU of type 3 code 4 by so many bytes, to 68 at
// the least (RFC 791), for a sender whose datagrams grow by them on their way. 0,
// which says that the MTU is not known (RFC 1191), stays.
func RepairQuote(buf []byte, n int, option []byte, less int) (m int, r Repair) {
	if option != nil && !wellFormed(option) {
		return 0, QuoteBadOption
	}
	if n < 0 || n > len(buf)-MaxOptionsLen {
		return 0, QuoteNoRoom
	}
	hl, n, r := checkError(buf[:n])
	if r != QuoteUnchanged {
		return 0, r
	}
	message := buf[hl:n]
	var h requoted
	if r = h.build(message[icmpHeaderLen:], option); r != QuoteUnchanged && r != QuoteRepaired {
		return 0, r
	}
	if mtu := lowered(nextMTU(message), less); mtu != nextMTU(message) {
		binary.BigEndian.PutUint16(message[offNextMTU:], mtu)
		r = QuoteRepaired
	}
	if r == QuoteUnchanged {
		return n, r
	}
	if h.to != 0 {
		n = h.put(buf, hl, n)
		binary.BigEndian.PutUint16(buf[2:], uint16(n))
		seal(buf[:hl])
	}
	message = buf[hl:n]
	message[offICMPSum], message[offICMPSum+1] = 0, 0
	binary.BigEndian.PutUint16(message[offICMPSum:], Checksum(message))
	return n, QuoteRepaired
}

// checkError returns the header length and the length of the packet b if that is a
// sound ICMP error, with QuoteUnchanged.
func checkError(b []byte) (hl, total int, r Repair) {
	if len(b) < MinHeaderLen+icmpHeaderLen || b[0]>>4 != 4 || b[9] != protoICMP {
		return 0, 0, QuoteNotError
	}
	hl = int(b[0]&0xf) * 4
	total = int(binary.BigEndian.Uint16(b[2:]))
	if hl < MinHeaderLen || total < hl+icmpHeaderLen || total > len(b) || Checksum(b[:hl]) != 0 {
		return 0, 0, QuoteNotError
	}
	if binary.BigEndian.Uint16(b[6:])&(flagMF|maskOffset) != 0 {
		return 0, 0, QuoteFragment
	}
	message := b[hl:total]
	if !isError(message[0]) {
		return 0, 0, QuoteNotError
	}
	// A new checksum would vouch for what the old one did not.
	if Checksum(message) != 0 {
		return 0, 0, QuoteBadChecksum
	}
	return hl, total, QuoteUnchanged
}

// lowered returns mtu lowered by less bytes, and never raised.
func lowered(mtu uint16, less int) uint16 {
	if less <= 0 || mtu <= minMTU {
		return mtu
	}
	return uint16(max(int(mtu)-less, minMTU))
}

// put writes h into the ICMP error buf[:n], whose own header has hl bytes, and
// returns the packet's new length.
func (h *requoted) put(buf []byte, hl, n int) int {
	message := buf[hl:n]
	end := n
	if h.from != h.to && hasQuoteLen(message[0]) && message[offQuoteWords] != 0 {
		// Moved, an extension structure would be taken for something else, and it may
		// name interfaces and MPLS labels behind the gateway. The length is the word
		// of whoever sent this: the quoted header and 8 bytes stay in any case.
		quote := max(int(message[offQuoteWords])*4, h.from+icmpHeaderLen)
		end = min(end, hl+icmpHeaderLen+quote)
		message[offQuoteWords] = 0
	}
	if message[0] == icmpParameterProblem && message[1] != codeOptionMissing {
		message[offPointer] = h.follow(message[offPointer])
	}
	at := hl + icmpHeaderLen
	rest := buf[at+h.from : end]
	// Headers never fill 576 bytes, so that more than 8 bytes behind them stay.
	rest = rest[:min(len(rest), max(maxErrorLen, n)-at-h.to)]
	// The rest first: it may stand where the header is going to be.
	copy(buf[at+h.to:], rest)
	copy(buf[at:], h.header[:h.to])
	return at + h.to + len(rest)
}

// hasQuoteLen reports whether RFC 4884 gave messages of an ICMP type a length field.
func hasQuoteLen(kind uint8) bool {
	return kind == icmpUnreachable || kind == icmpTimeExceeded || kind == icmpParameterProblem
}
