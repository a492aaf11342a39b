package trail

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"labelgate/internal/audit"
)

const (
	keyLength = sha256.Size
	// idLength is the length in bytes of the name of a key.
	idLength = 8
)

// key makes seal number, and then the key of the next.
type key struct {
	id     [idLength]byte // of the first of them
	number uint64
	secret [keyLength]byte
}

func newKey(secret [keyLength]byte) key {
	k := key{secret: secret}
	id := k.derive("labelgate seal id")
	copy(k.id[:], id[:])
	return k
}

// derive returns what can be told from the secret, and tells nothing of it.
func (k *key) derive(purpose string) [sha256.Size]byte { return mac(&k.secret, []byte(purpose)) }

// seal returns the seal over the bytes of a line up to its seal, behind a line
// with value v.
func (k *key) seal(v Value, head []byte) audit.Digest {
	sealing := k.derive("labelgate seal")
	defer clear(sealing[:])
	sum := mac(&sealing, v[:], head)
	return audit.MakeDigest(sum[:])
}

// evolve turns the key into the next one. Nothing of the former is left.
func (k *key) evolve() {
	k.secret = k.derive("labelgate seal evolve")
	k.number++
}

// mac is HMAC-SHA256 (RFC 2104) that leaves no copy of the secret in memory, where
// package hmac leaves some to the garbage collector.
func mac(secret *[keyLength]byte, message ...[]byte) [sha256.Size]byte {
	inner := pad(secret, 0x36, message...)
	sum := sha256.Sum256(inner)
	clear(inner)
	outer := pad(secret, 0x5c, sum[:])
	sum = sha256.Sum256(outer)
	clear(outer)
	return sum
}

// pad returns a block of the secret, changed, and the message behind it.
func pad(secret *[keyLength]byte, with byte, message ...[]byte) []byte {
	length := sha256.BlockSize
	for _, m := range message {
		length += len(m)
	}
	b := make([]byte, sha256.BlockSize, length) // its final size: nothing is copied on
	copy(b, secret[:])
	for i := range b {
		b[i] ^= with
	}
	for _, m := range message {
		b = append(b, m...)
	}
	return b
}

// VerifyKey is the first key of a trail, which checks every seal. Whoever has it
// can also make them: it is kept away from the machine whose seals it checks.
type VerifyKey struct{ first key }

const verifyPrefix = "labelgate-verify-1-"

// NewKeys returns a new key to check seals, and the content of the key file that
// makes them, at its beginning.
func NewKeys() (VerifyKey, []byte) {
	var secret [keyLength]byte
	rand.Read(secret[:]) // never fails
	k := newKey(secret)
	return VerifyKey{k}, k.append(make([]byte, 0, keySize))
}

// ParseVerifyKey reads what String wrote. Spaces around it are ignored.
func ParseVerifyKey(s string) (VerifyKey, error) {
	digits, ok := strings.CutPrefix(strings.TrimSpace(s), verifyPrefix)
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) != keyLength+2 {
		return VerifyKey{}, errors.New("not a verification key; it is one line that begins with " + verifyPrefix)
	}
	k := newKey([keyLength]byte(b))
	if check := k.derive("labelgate seal check"); [2]byte(check[:]) != [2]byte(b[keyLength:]) {
		return VerifyKey{}, errors.New("a digit of the verification key is wrong")
	}
	return VerifyKey{k}, nil
}

// String returns the key as one line of text.
func (v VerifyKey) String() string {
	check := v.first.derive("labelgate seal check")
	return verifyPrefix + hex.EncodeToString(v.first.secret[:]) + hex.EncodeToString(check[:2])
}

// ID names the key in seals and says nothing of it.
func (v VerifyKey) ID() audit.Digest { return audit.MakeDigest(v.first.id[:]) }

// maxSeals bounds the number of a seal that is believed: one a second for thirty
// years. A forged number does not keep a reader busy for ever.
const maxSeals = 1 << 30

// checker checks seals one after the other. It evolves the key along with them.
type checker struct {
	first VerifyKey
	at    key
}

// key returns the key of a seal.
func (c *checker) key(number uint64) (*key, error) {
	if number >= maxSeals {
		return nil, fmt.Errorf("seal %d: nobody made as many", number)
	}
	if c.at.id != c.first.first.id || c.at.number > number {
		c.at = c.first.first
	}
	for c.at.number < number {
		c.at.evolve()
	}
	return &c.at, nil
}
