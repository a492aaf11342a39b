package flow

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
)

// seed is what strangers do not know. They choose addresses and ports, and must
// not be able to choose which keys meet in a set.
type seed [4]uint64

func newSeed() (s seed) {
	var b [8 * len(s)]byte
	rand.Read(b[:]) // never fails
	for i := range s {
		s[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return s
}

// hash folds products of 128 bits, like Go's own hash where the processor has no
// AES. Done here, for two words and without a call, it takes a third of the time
// of hash/maphash.
func (s *seed) hash(w words) uint64 {
	high, low := bits.Mul64(w.addresses^s[0], w.ports^s[1])
	high, low = bits.Mul64((high^low)^s[2], (w.addresses+w.ports)^s[3])
	return high ^ low
}
