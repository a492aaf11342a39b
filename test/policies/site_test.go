package policies

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labelgate/engine"
	"labelgate/internal/load"
	"labelgate/internal/manifest"
	"labelgate/internal/policyfile"
)

// site is a sealed policy on disk, and the gateway that it is in force in.
type site struct {
	t      testing.TB
	dir    string
	key    manifest.PrivateKey
	before *load.Gateway
	print  string // of before
}

// newSite writes the example lab's gateway and seals it; signed or not.
func newSite(t testing.TB, signed bool) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), key: key(1)}
	must(t, os.CopyFS(s.dir, os.DirFS("../../examples/lab/gateway")))
	must(t, filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o644)
	}))
	if signed {
		s.settings(signedBy(s.key))
	}
	s.seal(7, func(*manifest.Manifest) {})
	var err error
	s.before, err = s.load()
	must(t, err)
	s.print = fingerprint(s.before)
	return s
}

func key(seed byte) manifest.PrivateKey {
	var s [ed25519.SeedSize]byte
	s[0] = seed
	return manifest.PrivateKey{Key: ed25519.NewKeyFromSeed(s[:]), Comment: "test"}
}

func signedBy(keys ...manifest.PrivateKey) string {
	var lines []string
	for _, k := range keys {
		lines = append(lines, `"`+k.Public().String()+`"`)
	}
	return "manifest = \"signed\"\nmanifest-keys = [" + strings.Join(lines, ", ") + "]\n"
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// settings puts lines before the example's settings.
func (s *site) settings(lines string) {
	s.t.Helper()
	data, err := os.ReadFile("../../examples/lab/gateway/labelgate.toml")
	must(s.t, err)
	s.write("labelgate.toml", append([]byte(lines), data...))
}

func (s *site) at(name string) string { return filepath.Join(s.dir, name) }

func (s *site) read(name string) []byte {
	s.t.Helper()
	data, err := os.ReadFile(s.at(name))
	must(s.t, err)
	return data
}

func (s *site) write(name string, data []byte) {
	s.t.Helper()
	must(s.t, os.WriteFile(s.at(name), data, 0o644))
}

func (s *site) load() (*load.Gateway, error) { return load.Load(s.at("labelgate.toml"), 1) }

// seal seals what is there. change may change the manifest before it is signed.
func (s *site) seal(version uint64, change func(*manifest.Manifest)) {
	s.t.Helper()
	g, err := load.Options{Sealing: true}.Load(s.at("labelgate.toml"), 1)
	must(s.t, err)
	m := &manifest.Manifest{Version: version, Created: time.Now().UTC().Truncate(time.Second), Key: s.key.Public().ID(), Files: g.Contents}
	change(m)
	text, err := m.Append(nil)
	must(s.t, err)
	s.write("policy/MANIFEST", text)
	s.write("policy/MANIFEST.sig", manifest.Sign(s.key, text))
}

// files lists all that decides about the policy, sorted.
func (s *site) files() (names []string) {
	s.t.Helper()
	must(s.t, filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(s.dir, path)
		names = append(names, rel)
		return err
	}))
	return names
}

// refuses loads what is there now. It returns false when that is taken, and fails
// the test when it is refused without words, or without those that it wants.
func (s *site) refuses(what string, want ...string) bool {
	s.t.Helper()
	g, err := s.load()
	if err == nil {
		s.t.Errorf("%s: accepted", what)
		return false
	}
	var problems policyfile.Problems
	if g != nil || !errors.As(err, &problems) || len(problems) == 0 {
		s.t.Errorf("%s: %v, %v", what, g, err)
		return true
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			s.t.Errorf("%s: %v\nwant %q", what, err, w)
		}
	}
	return true
}

// untouched fails the test when the gateway in force is not what it was.
func (s *site) untouched() {
	s.t.Helper()
	if now := fingerprint(s.before); now != s.print {
		s.t.Errorf("the policy in force changed from\n%s\nto\n%s", s.print, now)
	}
}

func fingerprint(g *load.Gateway) string {
	p := g.Snapshot.Policy()
	text := fmt.Sprintf("%x %x %d %v %v\n", g.Digest, g.Numbering, g.Snapshot.Generation(), g.Files, g.Seal)
	for r := range p.Rules() {
		text += fmt.Sprintln(p.Name(r.Subject), p.Name(r.Object), r.Access, r.Origin)
	}
	for i := range g.Snapshot.Entries() {
		text += fmt.Sprintf("%+v\n", g.Snapshot.Entry(int32(i)))
	}
	for l := range p.Labels() {
		text += p.Name(engine.Label(l))
		for _, d := range g.Config.DOIs {
			text += fmt.Sprintf(" %x", g.Snapshot.Encoding(d.Number, engine.Label(l)))
		}
	}
	return text
}
