package manifest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Namespace is what signatures of manifests are made for; ssh-keygen -Y sign takes
// it as -n. A signature that the same key made for something else is none of a
// manifest.
const Namespace = "labelgate"

// MaxSignature is the size in bytes beyond which a signature is not looked at.
const MaxSignature = 4096

const (
	sigMagic   = "SSHSIG"
	sigVersion = 1
	sigHash    = "sha512"
	sigBegin   = "-----BEGIN SSH SIGNATURE-----\n"
	sigEnd     = "-----END SSH SIGNATURE-----\n"
	sigLine    = 70 // characters in a line of base64, as ssh-keygen writes them
)

// Sign returns the signature of a text, as ssh-keygen -Y sign writes it.
func Sign(key PrivateKey, text []byte) []byte {
	return armor(key.Public(), ed25519.Sign(key.Key, signed(text)))
}

// signed is what is signed in the place of a text (OpenSSH, PROTOCOL.sshsig).
func signed(text []byte) []byte {
	sum := sha512.Sum512(text)
	b := []byte(sigMagic)
	for _, s := range []string{Namespace, "", sigHash, string(sum[:])} {
		b = appendString(b, s)
	}
	return b
}

func armor(key PublicKey, signature []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte(sigMagic), sigVersion)
	for _, s := range []string{key.blob(), Namespace, "", sigHash} {
		b = appendString(b, s)
	}
	b = appendString(b, string(appendString(appendString(nil, keyType), string(signature))))
	text := base64.StdEncoding.EncodeToString(b)
	out := []byte(sigBegin)
	for len(text) > 0 {
		n := min(sigLine, len(text))
		out = append(append(out, text[:n]...), '\n')
		text = text[n:]
	}
	return append(out, sigEnd...)
}

// Verify returns the one of keys that signed the text. The signature must be in
// the very form in which Sign writes it.
func Verify(signature, text []byte, keys []PublicKey) (PublicKey, error) {
	key, raw, err := parseSignature(signature)
	if err != nil {
		return PublicKey{}, err
	}
	for _, k := range keys {
		if !k.Key.Equal(key.Key) {
			continue
		}
		if !ed25519.Verify(k.Key, signed(text), raw) {
			return PublicKey{}, fmt.Errorf("wrong: key %s did not sign this", k.ID())
		}
		return k, nil
	}
	return PublicKey{}, fmt.Errorf("made by key %s, which is not among those that may sign", key.ID())
}

func parseSignature(signature []byte) (PublicKey, []byte, error) {
	fail := func(why string) (PublicKey, []byte, error) { return PublicKey{}, nil, errors.New(why) }
	if len(signature) > MaxSignature {
		return fail("too large for a signature")
	}
	text, begins := strings.CutPrefix(string(signature), sigBegin)
	text, ends := strings.CutSuffix(text, sigEnd)
	if !begins || !ends {
		return fail("not a signature as ssh-keygen writes it, or cut off")
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(strings.ReplaceAll(text, "\n", ""))
	if err != nil {
		return fail("not in base64: a part of it is missing or changed")
	}
	rest, ok := bytes.CutPrefix(blob, []byte(sigMagic))
	w := wire{rest: rest}
	version, public, namespace, _, hash, inner := w.number(), w.text(), w.text(), w.text(), w.text(), w.text()
	switch {
	case !ok || !w.done() || version != sigVersion:
		return fail("not a signature of OpenSSH: a part of it is missing or changed")
	case namespace != Namespace:
		return fail(fmt.Sprintf("made for %q, not for %q", namespace, Namespace))
	case hash != sigHash:
		return fail(fmt.Sprintf("made with the hash %q; only %s can be used here", hash, sigHash))
	}
	key, ok := parseBlob(public)
	if !ok {
		return fail("made by a key of another type than " + keyType)
	}
	w = wire{rest: []byte(inner)}
	kind, raw := w.text(), w.text()
	k := PublicKey{Key: key}
	if !w.done() || kind != keyType || len(raw) != ed25519.SignatureSize || !bytes.Equal(armor(k, []byte(raw)), signature) {
		return fail("not in the form in which ssh-keygen writes it")
	}
	return k, []byte(raw), nil
}
