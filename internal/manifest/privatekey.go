package manifest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
)

// PrivateKey signs manifests.
type PrivateKey struct {
	Key     ed25519.PrivateKey
	Comment string
}

// Public returns the key that checks what this one signs.
func (k PrivateKey) Public() PublicKey {
	return PublicKey{k.Key.Public().(ed25519.PublicKey), k.Comment}
}

const (
	pemType  = "OPENSSH PRIVATE KEY"
	keyMagic = "openssh-key-v1\x00"
	keyBlock = 8 // to which an unencrypted key is padded, in bytes
)

// ErrEncrypted says that a key cannot be used without its passphrase. ssh-keygen,
// which asks for it, can sign in our place.
var ErrEncrypted = errors.New("the key is encrypted with a passphrase")

// ParsePrivateKey reads an unencrypted key as ssh-keygen keeps it (OpenSSH,
// PROTOCOL.key).
func ParsePrivateKey(data []byte) (PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != pemType {
		return PrivateKey{}, errors.New("not a private key as ssh-keygen -t ed25519 makes it")
	}
	broken := errors.New("the key is broken: a part of it is missing or changed")
	rest, ok := bytes.CutPrefix(block.Bytes, []byte(keyMagic))
	if !ok {
		return PrivateKey{}, broken
	}
	w := wire{rest: rest}
	cipher := w.text()
	w.text() // how the passphrase is made a key
	w.text() // what it is made with
	n, public, private := w.number(), w.text(), w.text()
	switch {
	case !w.done() || n != 1:
		return PrivateKey{}, broken
	case cipher != "none":
		return PrivateKey{}, ErrEncrypted
	}
	w = wire{rest: []byte(private)}
	one, two := w.number(), w.number()
	if kind := w.text(); !w.bad && kind != keyType {
		return PrivateKey{}, fmt.Errorf("a key of the type %q; only %s can be used here", kind, keyType)
	}
	point, key, comment := w.text(), w.text(), w.text()
	k := PrivateKey{ed25519.PrivateKey(key), comment}
	switch {
	case w.bad || one != two || len(key) != ed25519.PrivateKeySize || len(w.rest) >= keyBlock:
		return PrivateKey{}, broken
	case !k.Key.Equal(ed25519.NewKeyFromSeed(k.Key.Seed())) || point != string(k.Key[ed25519.SeedSize:]) || k.Public().blob() != public:
		return PrivateKey{}, broken
	}
	return k, nil
}

// Marshal returns the key as ParsePrivateKey and ssh-keygen read it. Check is any
// number; OpenSSH draws a new one each time.
func (k PrivateKey) Marshal(check uint32) []byte {
	private := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, check), check)
	private = appendString(private, keyType)
	private = appendString(private, string(k.Key[ed25519.SeedSize:]))
	private = appendString(private, string(k.Key))
	private = appendString(private, k.Comment)
	for pad := byte(1); len(private)%keyBlock != 0; pad++ {
		private = append(private, pad)
	}
	b := []byte(keyMagic)
	for _, s := range []string{"none", "none", ""} {
		b = appendString(b, s)
	}
	b = binary.BigEndian.AppendUint32(b, 1)
	b = appendString(b, k.Public().blob())
	b = appendString(b, string(private))
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: b})
}
