package ipv4

import (
	"bytes"
	"encoding/binary"
)

// requoted is the header that is to stand in place of a quoted one.
type requoted struct {
	header [MaxHeaderLen]byte // zero behind its end: the padding
	to     int                // its length
	from   int                // bytes of the quote that it replaces
	hl     int                // length of the header that was quoted, of which from bytes are there

	area   []byte // the quoted options, as far as they are there
	option int    // length of the CIPSO option that was put in
	keep   bool   // the other options stay
}

// build makes the header for the quote q. It returns QuoteRepaired, QuoteUnchanged
// (h is then of no use) or a refusal.
func (h *requoted) build(q, option []byte) Repair {
	if len(q) < MinHeaderLen {
		return QuoteUnchanged
	}
	h.hl = int(q[0]&0xf) * 4
	if q[0]>>4 != 4 || h.hl < MinHeaderLen {
		return QuoteNotIPv4
	}
	if nested(q, h.hl) {
		return QuoteNested
	}
	h.from = min(h.hl, len(q))
	h.area = q[MinHeaderLen:h.from]

	var others [MaxOptionsLen]byte
	s := sift(others[:], h.area)
	h.keep = s.sound && h.from == h.hl && bytes.IndexByte(others[:s.others], typeCIPSO) < 0
	if !h.keep {
		s.others = 0
	}
	if len(option)+s.others > MaxOptionsLen {
		return QuoteNoRoom
	}
	if h.keep && option == nil && !s.label && !s.tail {
		return QuoteUnchanged
	}
	copy(h.header[:], q[:MinHeaderLen])
	h.option = copy(h.header[MinHeaderLen:], option)
	copy(h.header[MinHeaderLen+h.option:], others[:s.others])
	h.to = MinHeaderLen + (h.option+s.others+3)&^3
	if h.from == h.hl && bytes.Equal(h.header[MinHeaderLen:h.to], h.area) {
		h.to = 0
		return QuoteUnchanged
	}
	h.header[0] = 4<<4 | uint8(h.to/4)
	total := int(binary.BigEndian.Uint16(q[2:])) + h.to - h.hl
	binary.BigEndian.PutUint16(h.header[2:], uint16(min(max(total, 0), MaxPacketLen)))
	if h.from != h.hl {
		seal(h.header[:h.to])
		return QuoteRepaired
	}
	check := binary.BigEndian.Uint16(q[offHeaderSum:])
	check = update(check, fold(sum(q[:h.hl], 0)), fold(sum(h.header[:h.to], 0)), 0)
	binary.BigEndian.PutUint16(h.header[offHeaderSum:], check)
	return QuoteRepaired
}

// nested reports whether behind the quoted header, hl bytes long, stands an ICMP
// error, or what may be the rest of one: its own quote may hold a label. Neither may
// be answered with an error (RFC 1122 section 3.2.2).
func nested(q []byte, hl int) bool {
	if q[9] != protoICMP || len(q) <= hl {
		return false
	}
	return isError(q[hl]) || binary.BigEndian.Uint16(q[6:])&maskOffset != 0
}

// sifted is what an option area holds.
type sifted struct {
	others int  // bytes of the options that are neither CIPSO nor NOP
	label  bool // there is a CIPSO option
	tail   bool // something other than zero stands behind the end of the list
	sound  bool // the lengths add up, and there is one CIPSO option at most
}

// sift copies the options of area that are neither CIPSO nor NOP to dst, which is as
// long at least. Unlike Parse it takes route and timestamp options as they are: the
// error may be about them.
func sift(dst, area []byte) (s sifted) {
	o := 0
	for o < len(area) && area[o] != typeEnd {
		if area[o] == typeNOP {
			o++
			continue
		}
		if o+1 >= len(area) || area[o+1] < 2 || int(area[o+1]) > len(area)-o {
			return s
		}
		option := area[o : o+int(area[o+1])]
		o += len(option)
		if option[0] != typeCIPSO {
			s.others += copy(dst[s.others:], option)
			continue
		}
		if s.label {
			return s
		}
		s.label = true
	}
	for _, b := range area[o:] {
		s.tail = s.tail || b != 0
	}
	s.sound = true
	return s
}

// follow returns where to a pointer into the quoted datagram has to point now. One
// into a label that is gone would still tell which of its bytes was objected to.
func (h *requoted) follow(pointer uint8) uint8 {
	p := int(pointer)
	if p < MinHeaderLen {
		return pointer
	}
	if p >= h.hl {
		return uint8(min(p+h.to-h.hl, 255))
	}
	if h.keep {
		if o := place(h.area, p-MinHeaderLen); o >= 0 {
			return uint8(MinHeaderLen + h.option + o)
		}
	}
	if h.option != 0 {
		return MinHeaderLen
	}
	return 0
}

// place returns the offset among the options other than CIPSO and NOP of the byte at
// offset p of area, whose lengths add up; -1 for one that belongs to none of them.
func place(area []byte, p int) int {
	others := 0
	for o := 0; o <= p && area[o] != typeEnd; {
		if area[o] == typeNOP {
			o++
			continue
		}
		n := int(area[o+1])
		if area[o] != typeCIPSO {
			if p < o+n {
				return others + p - o
			}
			others += n
		}
		o += n
	}
	return -1
}
