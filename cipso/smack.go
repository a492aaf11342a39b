package cipso

import (
	"encoding/binary"
	"slices"
)

// How Smack writes a label that has no mapping of its own (Smack documentation,
// "Smack and CIPSO"). Both levels can be configured; these are the defaults.
const (
	DirectLevel  = 250 // a label of at most MaxDirectLen bytes: the categories spell it
	MappedLevel  = 251 // a longer label: the categories spell a number of the sending machine
	MaxDirectLen = 23
)

// DirectCategories sets c to the categories that spell the label: bit 0x80>>k
// of byte i is category 8*i+k+1. They count from 1 but the bitmap of a tag
// counts from 0, so on the wire the text is shifted right by one bit. It
// returns false, and c is empty, if text does not have 1..23 bytes or contains
// a zero byte; whether the characters may occur in a label is not asked. It
// does not allocate.
func DirectCategories(text string, c *Categories) bool {
	c.Reset()
	if len(text) < 1 || len(text) > MaxDirectLen {
		return false
	}
	var b [MaxDirectLen]byte
	n := copy(b[:], text)
	if slices.Contains(b[:n], 0) {
		return false
	}
	shift(b[:n], c)
	return true
}

// DirectText appends the label that the categories spell to dst, the reverse
// of DirectCategories. It returns dst unchanged and false if they spell none:
// category 0 is set, a byte would be 0, or there would not be 1..23 bytes. The
// bytes come off the wire and may be anything else: before they are shown or
// looked up, check that they are a label. It does not allocate if dst has room.
func DirectText(c *Categories, dst []byte) ([]byte, bool) {
	var text [MaxDirectLen]byte
	n, ok := unshift(c, text[:])
	if !ok || n == 0 || slices.Contains(text[:n], 0) {
		return dst, false
	}
	return append(dst, text[:n]...), true
}

// MappedCategories sets c to the categories that spell the four bytes of a
// label number in the given byte order, as DirectCategories does for text.
// Linux uses the order of its machine. Such a number means nothing on any
// other machine, nor on the same one after it has restarted.
func MappedCategories(id uint32, order binary.ByteOrder, c *Categories) {
	var b [4]byte
	order.PutUint32(b[:], id)
	shift(b[:], c)
}

// MappedID returns the label number that the categories spell, the reverse of
// MappedCategories, or false if they spell none or 0.
func MappedID(c *Categories, order binary.ByteOrder) (uint32, bool) {
	var b [4]byte
	if _, ok := unshift(c, b[:]); !ok {
		return 0, false
	}
	id := order.Uint32(b[:])
	return id, id != 0
}

// shift sets c to the categories that spell at most MaxDirectLen bytes.
func shift(b []byte, c *Categories) {
	var bitmap [maxBitmap]byte
	for i, v := range b {
		bitmap[i] |= v >> 1
		bitmap[i+1] = v << 7
	}
	getBitmap(c, bitmap[:])
}

// unshift writes the bytes that the categories spell to b, which is zero, and
// returns how many there are up to the last that is not 0. It returns false if
// category 0 is set or b is too short.
func unshift(c *Categories, b []byte) (int, bool) {
	var bitmap [maxBitmap + 1]byte // the last byte stays 0
	n, ok := putBitmap(bitmap[:maxBitmap], c)
	if !ok || bitmap[0]&0x80 != 0 {
		return 0, false
	}
	end := 0
	for i := range n {
		v := bitmap[i]<<1 | bitmap[i+1]>>7
		if v == 0 {
			continue
		}
		if i >= len(b) {
			return 0, false
		}
		b[i] = v
		end = i + 1
	}
	return end, true
}
