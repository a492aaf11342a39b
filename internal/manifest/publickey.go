package manifest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

const keyType = "ssh-ed25519"

// PublicKey is a key that a signature can be checked with.
type PublicKey struct {
	Key     ed25519.PublicKey
	Comment string // what the owner calls it
}

// ParsePublicKey reads a key as it stands in a file that ends with .pub:
// "ssh-ed25519 AAAA... comment".
func ParsePublicKey(line string) (PublicKey, error) {
	field := strings.Fields(line)
	if len(field) < 2 {
		return PublicKey{}, fmt.Errorf("not a public key as in %q", keyType+" AAAAC3Nza... name")
	}
	if field[0] != keyType {
		return PublicKey{}, fmt.Errorf("a key of the type %q; only %s can be used here", field[0], keyType)
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(field[1])
	if err != nil {
		return PublicKey{}, errors.New("the key is not in base64: a part of it is missing or changed")
	}
	key, ok := parseBlob(string(blob))
	if !ok {
		return PublicKey{}, fmt.Errorf("not a key of the type %s: a part of it is missing or changed", keyType)
	}
	return PublicKey{key, strings.Join(field[2:], " ")}, nil
}

// ID is the key's fingerprint, as ssh-keygen -l shows it.
func (k PublicKey) ID() string {
	sum := sha256.Sum256([]byte(k.blob()))
	return idPrefix + base64.RawStdEncoding.EncodeToString(sum[:])
}

// String is the line that ParsePublicKey takes.
func (k PublicKey) String() string {
	return strings.TrimSpace(keyType + " " + base64.StdEncoding.EncodeToString([]byte(k.blob())) + " " + k.Comment)
}

const idPrefix = "SHA256:"

func isID(text string) bool {
	digits, ok := strings.CutPrefix(text, idPrefix)
	if !ok || len(digits) != base64.RawStdEncoding.EncodedLen(sha256.Size) {
		return false
	}
	_, err := base64.RawStdEncoding.Strict().DecodeString(digits)
	return err == nil && !strings.ContainsAny(digits, "\r\n")
}

// blob is the key in SSH's own encoding (RFC 8709, section 4).
func (k PublicKey) blob() string {
	return string(appendString(appendString(nil, keyType), string(k.Key)))
}

func parseBlob(blob string) (ed25519.PublicKey, bool) {
	w := wire{rest: []byte(blob)}
	if w.text() != keyType {
		return nil, false
	}
	key := w.text()
	return ed25519.PublicKey(key), w.done() && len(key) == ed25519.PublicKeySize
}
