package ipv4

import (
	"encoding/binary"
	"math/bits"
)

// Checksum returns the Internet checksum of b (RFC 1071), ready to be stored in
// network byte order; the checksum field in b counts as it is. Over a header
// whose checksum is right the result is 0. An odd last byte counts as if a zero
// byte followed.
func Checksum(b []byte) uint16 {
	return ^fold(sum(b, 0))
}

// sum adds the 16-bit words of b to s, with end-around carry.
func sum(b []byte, s uint64) uint64 {
	var carry uint64
	for len(b) >= 8 {
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), carry)
		b = b[8:]
	}
	var rest uint64
	if len(b) >= 4 {
		rest = uint64(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		rest += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		rest += uint64(b[0]) << 8
	}
	s, carry = bits.Add64(s, rest, carry)
	// Adding the last carry cannot carry again: s is then at most 2^64-2.
	return s + carry
}

// fold reduces a sum of 16-bit words to one such word with end-around carry.
func fold(s uint64) uint16 {
	s = s>>32 + s&0xffffffff
	s = s>>32 + s&0xffffffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return uint16(s)
}
