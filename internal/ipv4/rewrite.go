package ipv4

import "encoding/binary"

// Rewrite writes the packet into out with option in place of its CIPSO option:
// added when there was none, removed when option is nil. It returns the length
// of the result, or false, with out unchanged, when the options would not fit
// their 40 bytes, the packet its 65535, or either out; when a fragment would grow past
// the end of the longest datagram, which nobody could put together; when option is not
// one well-formed CIPSO option; and when Parse found a fault.
//
// CIPSO comes first, the other options follow in their order, NOPs are dropped,
// and zero bytes (end of list) fill the last word. The kernel remembers from
// PREROUTING on where it saw a route or timestamp option and writes to that
// place later: a packet with such a one must not be rewritten after it.
//
// The kernel also refuses a verdict whose packet is shorter than the header that
// it came with, and drops the packet without a word. Where the layer-4 part is
// that short, the header keeps its length: a removed option is blanked in place
// as Blank does, a shorter new one is followed by zero bytes.
//
// Every byte of the result comes from the packet, from option or is zero;
// nothing that out held before remains. out may overlap both, but v is of no use
// afterwards if it overlaps the packet.
func (v *View) Rewrite(out []byte, option []byte) (n int, ok bool) {
	if !v.sound || option != nil && !wellFormed(option) {
		return 0, false
	}
	used := len(option) + v.OthersLen
	if used > MaxOptionsLen {
		return 0, false
	}
	payload := v.Packet[v.HeaderLen:]
	hl := MinHeaderLen + (used+3)&^3
	if hl+len(payload) < v.HeaderLen {
		if option == nil {
			return v.Blank(out)
		}
		hl = v.HeaderLen
	}
	total := hl + len(payload)
	if total > MaxPacketLen || total > len(out) || hl > v.HeaderLen && v.FragmentOffset+total > MaxPacketLen {
		return 0, false
	}

	var h [MaxHeaderLen]byte // zero: the padding
	copy(h[:], v.Packet[:MinHeaderLen])
	o := MinHeaderLen + copy(h[MinHeaderLen:], option)
	v.copyOthers(h[o:hl])
	h[0] = 4<<4 | uint8(hl/4)
	binary.BigEndian.PutUint16(h[2:], uint16(total))
	seal(h[:hl])

	copy(out[hl:total], payload) // before the header, in case out overlaps the packet
	copy(out, h[:hl])
	return total, true
}

// Blank writes the packet into out with NOPs in place of the CIPSO option, at
// the same length, for a packet to be delivered here: the kernel goes on with
// the transport offset it had before the verdict. What stands behind the end of
// the option list becomes zero. It returns the length, or false when out is too
// short or Parse found a fault. out may be the packet itself; v is of no use
// afterwards in that case.
func (v *View) Blank(out []byte) (n int, ok bool) {
	if !v.sound || len(out) < len(v.Packet) {
		return 0, false
	}
	n = copy(out, v.Packet)
	h := out[:v.HeaderLen]
	if v.CIPSO != 0 {
		option := h[v.CIPSO:][:v.CIPSOLen]
		for i := range option {
			option[i] = typeNOP
		}
	}
	clear(h[v.end:])
	seal(h)
	return n, true
}

// HasTail reports whether anything but zero stands behind the end of the option
// list. Parse in compat mode ignores it, as Linux does; others may read it.
func (v *View) HasTail() bool {
	if !v.sound {
		return false
	}
	for _, b := range v.Packet[v.end:v.HeaderLen] {
		if b != 0 {
			return true
		}
	}
	return false
}

// ClearTail writes the packet into out with zeroes behind the end of the option
// list, as Linux leaves it that forwards such a packet. All else stays as and
// where it is. It returns as Blank does, and out may be the packet itself too.
func (v *View) ClearTail(out []byte) (n int, ok bool) {
	if !v.sound || len(out) < len(v.Packet) {
		return 0, false
	}
	n = copy(out, v.Packet)
	h := out[:v.HeaderLen]
	clear(h[v.end:])
	seal(h)
	return n, true
}

// wellFormed reports whether option is a CIPSO option that says its own length.
// Anything else would turn the rest of the header into something unforeseen.
func wellFormed(option []byte) bool {
	return len(option) >= 2 && option[0] == typeCIPSO && int(option[1]) == len(option)
}

// copyOthers copies the options that are neither CIPSO nor NOP, OthersLen bytes.
func (v *View) copyOthers(dst []byte) {
	b := v.Packet[:v.end]
	for o := MinHeaderLen; o < len(b); {
		if b[o] == typeNOP {
			o++
			continue
		}
		n := int(b[o+1])
		if b[o] != typeCIPSO {
			dst = dst[copy(dst, b[o:o+n]):]
		}
		o += n
	}
}

// seal sets the checksum of the header h.
func seal(h []byte) {
	h[10], h[11] = 0, 0
	binary.BigEndian.PutUint16(h[10:], Checksum(h))
}
