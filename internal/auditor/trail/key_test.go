package trail

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Our own HMAC is the standard library's.
func TestMAC(t *testing.T) {
	for _, message := range [][]byte{nil, []byte("a"), bytes.Repeat([]byte("ab"), 200)} {
		secret := [keyLength]byte(bytes.Repeat([]byte{7}, keyLength))
		secret[3] = byte(len(message))
		h := hmac.New(sha256.New, secret[:])
		h.Write(message)
		got := mac(&secret, message[:len(message)/2], message[len(message)/2:])
		if !hmac.Equal(got[:], h.Sum(nil)) {
			t.Errorf("%d bytes: %x", len(message), got)
		}
	}
}

func TestVerifyKey(t *testing.T) {
	k, file := NewKeys()
	again, err := ParseVerifyKey(" " + k.String() + "\n")
	if err != nil || again != k {
		t.Fatalf("%v %v", again, err)
	}
	sealing, err := parseKey(file)
	if err != nil || sealing != k.first {
		t.Fatalf("%v %v", sealing, err)
	}
	s := k.String()
	for i := range s {
		b := []byte(s)
		b[i] ^= 1
		if _, err := ParseVerifyKey(string(b)); err == nil {
			t.Errorf("accepted with byte %d wrong: %s", i, b)
		}
	}
	for _, bad := range []string{"", verifyPrefix, s[:len(s)-2], s + "00", strings.TrimPrefix(s, verifyPrefix)} {
		if _, err := ParseVerifyKey(bad); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
	if other, _ := NewKeys(); other == k || other.ID() == k.ID() {
		t.Error("two keys are the same")
	}
	if strings.Contains(string(file), k.ID().String()) == false {
		t.Error("the key file does not name its key")
	}
}

// The key of a seal does not lead back to the one before, but forward.
func TestEvolve(t *testing.T) {
	k, _ := NewKeys()
	c := checker{first: k}
	at := k.first
	seen := map[[keyLength]byte]bool{}
	for n := range uint64(100) {
		got, err := c.key(n)
		if err != nil || *got != at {
			t.Fatalf("key %d: %v %v", n, got, err)
		}
		if seen[at.secret] {
			t.Fatal("a key comes again")
		}
		seen[at.secret] = true
		at.evolve()
	}
	if got, err := c.key(3); err != nil || got.number != 3 {
		t.Errorf("back to key 3: %v %v", got, err)
	}
	if _, err := c.key(1 << 62); err == nil {
		t.Error("a forged number is believed")
	}
}

func TestKeyFile(t *testing.T) {
	k, content := NewKeys()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(3) {
		f, err := OpenKeyFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if f.Number() != 2*n || f.ID() != k.ID() {
			t.Errorf("opened key %s, seal %d", f.ID(), f.Number())
		}
		if _, err := OpenKeyFile(path); !errors.Is(err, ErrLocked) {
			t.Errorf("opened twice: %v", err)
		}
		for range 2 {
			before, _ := os.ReadFile(path)
			secret := f.key.secret
			if err := f.Advance(); err != nil {
				t.Fatal(err)
			}
			after, _ := os.ReadFile(path)
			if len(before) != len(after) || len(after) != keySize || bytes.Contains(after, before[secretAt:checkAt]) || f.key.secret == secret {
				t.Fatalf("the key before is still there:\n%s", after)
			}
		}
		if err := f.Close(); err != nil || f.key.secret != [keyLength]byte{} {
			t.Errorf("closed: %v", err)
		}
	}
	state, err := ReadKeyState(path)
	if err != nil || state.key.number != 6 {
		t.Errorf("%v %v", state.key.number, err)
	}
}

// A key file that is not whole is refused.
func TestKeyFileRefuses(t *testing.T) {
	_, good := NewKeys()
	if len(good) != keySize {
		t.Fatalf("%d bytes, want %d", len(good), keySize)
	}
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 1
		if _, err := parseKey(b); err == nil {
			t.Errorf("accepted with byte %d wrong: %s", i, b)
		}
		if _, err := parseKey(good[:i]); err == nil {
			t.Errorf("accepted cut at %d", i)
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeyFile(path); err == nil || !strings.Contains(err.Error(), "0644") {
		t.Errorf("a key for everybody: %v", err)
	}
	os.Chmod(path, 0o600)
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{link, dir, filepath.Join(dir, "absent")} {
		if _, err := OpenKeyFile(bad); err == nil {
			t.Errorf("opened %s", bad)
		}
	}
}
