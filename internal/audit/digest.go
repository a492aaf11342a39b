package audit

import (
	"encoding/hex"
	"fmt"
)

// MaxDigest is the length in bytes of the longest Digest, SHA-256's.
const MaxDigest = 32

// Digest is a hash or a part of one. Its zero value holds none. Digests may be
// compared by ==.
type Digest struct {
	bytes [MaxDigest]byte
	n     uint8
}

// MakeDigest copies b. What is longer than MaxDigest is cut.
func MakeDigest(b []byte) Digest {
	var d Digest
	d.n = uint8(copy(d.bytes[:], b))
	return d
}

// ParseDigest reads hexadecimal digits.
func ParseDigest(s string) (Digest, error) {
	b, err := hex.DecodeString(s)
	if err == nil && len(b) > MaxDigest {
		err = fmt.Errorf("%d bytes are more than a digest has", len(b))
	}
	return MakeDigest(b), err
}

// Bytes returns the digest's bytes; they are d's own.
func (d *Digest) Bytes() []byte { return d.bytes[:d.n] }

// String returns small hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d.bytes[:d.n]) }

// Equal reports whether both are the same.
func (d Digest) Equal(other Digest) bool { return d == other }
