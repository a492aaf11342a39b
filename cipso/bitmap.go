package cipso

import (
	"encoding/binary"
	"math/bits"
)

// Tag type 1: category c is bit 0x80>>(c%8) of byte c/8.

const maxBitmap = MaxOptionLen - HeaderLen - tagHeaderLen // 30 bytes, categories 0..239

// getBitmap replaces the set by the one of a bitmap of at most maxBitmap bytes.
func getBitmap(c *Categories, bitmap []byte) {
	c.Reset()
	var padded [32]byte
	copy(padded[:maxBitmap], bitmap)
	n, end := 0, 0 // ranges found, and where the last of them ends
	for base := 0; base < len(padded); base += 8 {
		word := binary.BigEndian.Uint64(padded[base:])
		for at := base * 8; word != 0; {
			zeros := bits.LeadingZeros64(word)
			word <<= zeros
			ones := bits.LeadingZeros64(^word)
			word <<= ones
			low := at + zeros
			at = low + ones
			if n > 0 && low == end {
				n-- // goes on from the word before
			} else {
				c.ranges[n].Low = uint16(low)
			}
			c.ranges[n].High = uint16(at - 1)
			n, end = n+1, at
		}
	}
	c.n = uint8(n)
}

// putBitmap sets the bits in b, which is zero and maxBitmap long, and returns
// the length of the shortest bitmap that holds them.
func putBitmap(b []byte, c *Categories) (int, bool) {
	ranges := c.Ranges()
	if len(ranges) == 0 {
		return 0, true
	}
	last := int(ranges[len(ranges)-1].High)
	if last/8 >= len(b) {
		return 0, false
	}
	for _, r := range ranges {
		low, high := int(r.Low), int(r.High)
		first, end := byte(0xff)>>(low%8), byte(0xff)<<(7-high%8)
		if low/8 == high/8 {
			b[low/8] |= first & end
			continue
		}
		b[low/8] |= first
		for i := low/8 + 1; i < high/8; i++ {
			b[i] = 0xff
		}
		b[high/8] |= end
	}
	return last/8 + 1, true
}
