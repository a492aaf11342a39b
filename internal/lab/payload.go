package lab

import (
	crand "crypto/rand"
	"math/rand/v2"
)

// idSize is the number of random bytes at the beginning of each payload, which
// tell it from every other.
const idSize = 16

// newPayload makes a payload: a random id, and bytes that follow from it, so
// that not a single one can be another's.
func newPayload(size int) []byte {
	p := make([]byte, size)
	crand.Read(p[:idSize])
	var seed [32]byte
	copy(seed[:], p[:idSize])
	rand.NewChaCha8(seed).Read(p[idSize:])
	return p
}
