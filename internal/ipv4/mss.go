package ipv4

import "encoding/binary"

const (
	tcpSYN     = 0x02
	tcpEnd     = 0
	tcpNOP     = 1
	tcpMSS     = 2
	tcpMSSLen  = 4
	minTCPLen  = 20
	offTCPFlag = 13
	offTCPSum  = 16
)

// ClampMSS lowers the maximum segment size that a TCP SYN announces (RFC 9293
// section 3.7.1) to mss and reports whether it changed anything. packet is a
// whole IPv4 packet, changed in place; the TCP checksum follows incrementally
// (RFC 1624), so a wrong one stays wrong, and one still to be finished by the
// device must be finished before. Where the option appears several times each is
// lowered: which one counts is the receiver's choice.
//
// Left alone are fragments, segments without SYN, those without the option (it
// then means 536, and there is no room to add it), and those with options that
// do not add up.
func ClampMSS(packet []byte, mss uint16) bool {
	tcp := synHeader(packet)
	if tcp == nil || !mssAbove(tcp, mss) {
		return false
	}
	check := binary.BigEndian.Uint16(tcp[offTCPSum:])
	for o := minTCPLen; o < len(tcp) && tcp[o] != tcpEnd; {
		if tcp[o] == tcpNOP {
			o++
			continue
		}
		if tcp[o] == tcpMSS {
			if old := binary.BigEndian.Uint16(tcp[o+2:]); old > mss {
				binary.BigEndian.PutUint16(tcp[o+2:], mss)
				check = update(check, old, mss, o)
			}
		}
		o += int(tcp[o+1])
	}
	binary.BigEndian.PutUint16(tcp[offTCPSum:], check)
	return true
}

// MSS returns the maximum segment size that a TCP SYN announces (RFC 9293 section
// 3.7.1), the smallest where it announces several. ok is false for the packets that
// ClampMSS leaves alone whatever the size.
func MSS(packet []byte) (mss uint16, ok bool) {
	tcp := synHeader(packet)
	if tcp == nil {
		return 0, false
	}
	for o := minTCPLen; o < len(tcp) && tcp[o] != tcpEnd; {
		if tcp[o] == tcpNOP {
			o++
			continue
		}
		if !wholeOption(tcp, o) {
			return 0, false
		}
		if tcp[o] == tcpMSS {
			if v := binary.BigEndian.Uint16(tcp[o+2:]); !ok || v < mss {
				mss, ok = v, true
			}
		}
		o += int(tcp[o+1])
	}
	return mss, ok
}

// synHeader returns the TCP header with options if packet is a whole TCP SYN.
func synHeader(packet []byte) []byte {
	if len(packet) < MinHeaderLen+minTCPLen || packet[0]>>4 != 4 || packet[9] != protoTCP {
		return nil
	}
	hl := int(packet[0]&0xf) * 4
	total := int(binary.BigEndian.Uint16(packet[2:]))
	if hl < MinHeaderLen || total > len(packet) || total-hl < minTCPLen {
		return nil
	}
	if binary.BigEndian.Uint16(packet[6:])&(flagMF|maskOffset) != 0 {
		return nil
	}
	tcp := packet[hl:total]
	n := int(tcp[12]>>4) * 4
	if n < minTCPLen || n > len(tcp) || tcp[offTCPFlag]&tcpSYN == 0 {
		return nil
	}
	return tcp[:n]
}

// mssAbove reports whether the options of the TCP header tcp are well formed
// and announce a segment size above mss.
func mssAbove(tcp []byte, mss uint16) bool {
	above := false
	for o := minTCPLen; o < len(tcp) && tcp[o] != tcpEnd; {
		if tcp[o] == tcpNOP {
			o++
			continue
		}
		if !wholeOption(tcp, o) {
			return false
		}
		if tcp[o] == tcpMSS {
			above = above || binary.BigEndian.Uint16(tcp[o+2:]) > mss
		}
		o += int(tcp[o+1])
	}
	return above
}

// wholeOption reports whether the option at offset o of a TCP header, which is
// neither the end of the list nor a NOP, has a length that fits it and the header.
func wholeOption(tcp []byte, o int) bool {
	if o+1 >= len(tcp) || tcp[o+1] < 2 || int(tcp[o+1]) > len(tcp)-o {
		return false
	}
	return tcp[o] != tcpMSS || tcp[o+1] == tcpMSSLen
}

// update returns the checksum check after the 16-bit value at offset of what it
// covers changed from before to after.
func update(check, before, after uint16, offset int) uint16 {
	// NOPs may put the value at an odd offset; in the sum its bytes then stand
	// the other way round.
	if offset&1 != 0 {
		before, after = before>>8|before<<8, after>>8|after<<8
	}
	// Equation 3 of RFC 1624. The older equation 4 may give 0xffff for 0.
	return ^fold(uint64(^check) + uint64(^before) + uint64(after))
}
