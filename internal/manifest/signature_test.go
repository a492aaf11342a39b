package manifest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The files of testdata/ssh were made by ssh-keygen of OpenSSH 9.2: keys, and the
// signatures of "text". The private ones are of no use to anybody.
func vector(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "ssh", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func vectorKey(t testing.TB) PrivateKey {
	t.Helper()
	k, err := ParsePrivateKey(vector(t, "key"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testKey(seed byte) PrivateKey {
	return PrivateKey{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)), "test"}
}

func TestKeys(t *testing.T) {
	k := vectorKey(t)
	public, err := ParsePublicKey(string(vector(t, "key.pub")))
	if err != nil {
		t.Fatal(err)
	}
	if public.Comment != "vector key" || !public.Key.Equal(k.Public().Key) || public.String()+"\n" != string(vector(t, "key.pub")) {
		t.Errorf("%+v", public)
	}
	if id := "SHA256:f6OFUhgEQ61XXve99e0c+pNV9AmrYFk+xuLgMt4TeOM"; k.Public().ID() != id || !isID(id) {
		t.Errorf("%s", k.Public().ID())
	}
	again, err := ParsePrivateKey(k.Marshal(0x01020304))
	if err != nil || !again.Key.Equal(k.Key) || again.Comment != k.Comment {
		t.Errorf("%v, %v", again, err)
	}
}

func TestParseKeyRefuses(t *testing.T) {
	public, private := string(vector(t, "key.pub")), string(vector(t, "key"))
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "not a public key"},
		{"one word", "ssh-ed25519", "not a public key"},
		{"another type", string(vector(t, "rsa.pub")), `type "ssh-rsa"`},
		{"cut off", public[:60], "missing or changed"},
		{"not base64", strings.Replace(public, "AAAA", "A!AA", 1), "base64"},
		{"another type inside", "ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x01x")), "missing or changed"},
		{"more inside", "ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte(testKey(1).Public().blob()+"x")), "missing or changed"},
	} {
		t.Run("public, "+tt.name, func(t *testing.T) {
			if _, err := ParsePublicKey(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "not a private key"},
		{"public", public, "not a private key"},
		{"encrypted", string(vector(t, "encrypted")), "passphrase"},
		{"cut off", private[:200], "not a private key"},
	} {
		t.Run("private, "+tt.name, func(t *testing.T) {
			if _, err := ParsePrivateKey([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	text, signature := vector(t, "text"), string(vector(t, "text.sig"))
	key := vectorKey(t)
	if got := Sign(key, text); string(got) != signature {
		t.Errorf("ours is\n%s, ssh-keygen's\n%s", got, signature)
	}
	one, other := key.Public(), testKey(9).Public()
	both := []PublicKey{other, one}
	if k, err := Verify([]byte(signature), text, both); err != nil || !k.Key.Equal(one.Key) {
		t.Errorf("%v, %v", k, err)
	}
	for _, tt := range []struct {
		name, signature, text string
		keys                  []PublicKey
		want                  string
	}{
		{"another text", signature, "x" + string(text), both, "wrong"},
		{"a key that is not listed", signature, string(text), both[:1], "not among those that may sign"},
		{"no keys", signature, string(text), nil, "not among those that may sign"},
		{"made for something else", string(vector(t, "other-namespace.sig")), string(text), both, `made for "other"`},
		{"another hash", string(vector(t, "sha256.sig")), string(text), both, `hash "sha256"`},
		{"another type of key", string(vector(t, "rsa.sig")), string(text), both, "another type"},
		{"empty", "", string(text), both, "not a signature"},
		{"no end", signature[:250], string(text), both, "not a signature"},
		{"not base64", strings.Replace(signature, "U1NI", "U1N!", 1), string(text), both, "base64"},
		{"cut out", strings.Replace(signature, "U1NIU0lH", "", 1), string(text), both, "not a signature of OpenSSH"},
		{"another width", strings.Replace(signature, "\n", "\n\n", 1), string(text), both, "form"},
		{"carriage returns", strings.ReplaceAll(signature, "\n", "\r\n"), string(text), both, "not a signature"},
		{"huge", signature + strings.Repeat("x", MaxSignature), string(text), both, "too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Verify([]byte(tt.signature), []byte(tt.text), tt.keys); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestEveryFaultOfASignature: there is one way only to write a signature down.
func TestEveryFaultOfASignature(t *testing.T) {
	text := vector(t, "text")
	key := testKey(3)
	whole, keys := Sign(key, text), []PublicKey{key.Public()}
	for n := range whole {
		if _, err := Verify(whole[:n], text, keys); err == nil {
			t.Errorf("cut off after %d bytes", n)
		}
		for bit := range 8 {
			changed := bytes.Clone(whole)
			changed[n] ^= 1 << bit
			if _, err := Verify(changed, text, keys); err == nil {
				t.Errorf("bit %d of byte %d", bit, n)
			}
		}
	}
}

// TestSSHKeygen: the program itself takes our keys and signatures, and we take
// what it makes with our key.
func TestSSHKeygen(t *testing.T) {
	program, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("needs ssh-keygen (openssh-client): holds keys and signatures against it")
	}
	dir := t.TempDir()
	put := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(in []byte, args ...string) string {
		cmd := exec.Command(program, args...)
		cmd.Stdin = bytes.NewReader(in)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("ssh-keygen %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	key := testKey(5)
	private := put("key", key.Marshal(7))
	put("key.pub", []byte(key.Public().String()+"\n"))
	if out := run(nil, "-y", "-f", private); strings.TrimSpace(out) != key.Public().String() {
		t.Errorf("it reads our private key as %q", out)
	}
	if out := run(nil, "-l", "-f", private+".pub"); !strings.Contains(out, key.Public().ID()) {
		t.Errorf("its fingerprint is %q, ours %q", out, key.Public().ID())
	}
	text := []byte("labelgate manifest 1\n")
	allowed := put("allowed", []byte(`gw namespaces="`+Namespace+`" `+key.Public().String()+"\n"))
	run(text, "-Y", "verify", "-f", allowed, "-I", "gw", "-n", Namespace, "-s", put("ours.sig", Sign(key, text)))
	run(nil, "-Y", "sign", "-f", private, "-n", Namespace, put("text", text))
	theirs, err := os.ReadFile(filepath.Join(dir, "text.sig"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(theirs, text, []PublicKey{key.Public()}); err != nil {
		t.Error(err)
	}
}
