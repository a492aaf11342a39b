package e2e

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/manifest"
)

// tampering is one way to make a sealed policy bad.
type tampering struct {
	name string
	do   func(t *testing.T, s *tempting, r *rand.Rand)
}

// any draws a file.
func (s *tempting) any(r *rand.Rand) string {
	names := slices.Sorted(maps.Keys(s.files))
	return names[r.IntN(len(names))]
}

func (s *tempting) at(name string) string { return filepath.Join(s.dir, name) }

var tamperings = []tampering{
	{"cut off", func(t *testing.T, s *tempting, r *rand.Rand) {
		name := s.any(r)
		must(t, os.Truncate(s.at(name), r.Int64N(int64(len(s.files[name])))))
	}},
	{"a bit turned over", func(t *testing.T, s *tempting, r *rand.Rand) {
		name := s.any(r)
		data := []byte(s.files[name])
		data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		must(t, os.WriteFile(s.at(name), data, 0o644))
	}},
	{"another bit turned over", func(t *testing.T, s *tempting, r *rand.Rand) {
		data := []byte(s.files[rulesFile])
		data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		must(t, os.WriteFile(s.at(rulesFile), data, 0o644))
	}},
	{"writable by all", func(t *testing.T, s *tempting, r *rand.Rand) { must(t, os.Chmod(s.at(s.any(r)), 0o666)) }},
	{"somebody else's", func(t *testing.T, s *tempting, r *rand.Rand) { must(t, os.Chown(s.at(s.any(r)), 4321, 4321)) }},
	{"a link", func(t *testing.T, s *tempting, r *rand.Rand) {
		path := s.at(s.any(r))
		must(t, os.Rename(path, s.at("elsewhere")))
		must(t, os.Symlink(s.at("elsewhere"), path))
	}},
	{"a directory that is a link", func(t *testing.T, s *tempting, _ *rand.Rand) {
		must(t, os.Rename(s.at("policy/accesses.d"), s.at("elsewhere")))
		must(t, os.Symlink(s.at("elsewhere"), s.at("policy/accesses.d")))
	}},
	{"missing", func(t *testing.T, s *tempting, r *rand.Rand) { must(t, os.Remove(s.at(s.any(r)))) }},
	{"extra", func(t *testing.T, s *tempting, _ *rand.Rand) {
		must(t, os.WriteFile(s.at("policy/accesses.d/extra"), []byte("Foo Secret w\n"), 0o644))
	}},
	{"a pipe", func(t *testing.T, s *tempting, r *rand.Rand) {
		path := s.at(s.any(r))
		must(t, os.Remove(path))
		must(t, unix.Mkfifo(path, 0o600))
	}},
	{"an older version", func(t *testing.T, s *tempting, _ *rand.Rand) { write(t, s.dir, s.older) }},
	{"the signature of an older version", func(t *testing.T, s *tempting, _ *rand.Rand) {
		must(t, os.WriteFile(s.at(signatureFile), []byte(s.older[signatureFile]), 0o644))
	}},
	{"signed by somebody else", func(t *testing.T, s *tempting, _ *rand.Rand) { s.resign(t, 1, func(*manifest.Manifest) {}) }},
	{"expired", func(t *testing.T, s *tempting, _ *rand.Rand) {
		s.resign(t, 0, func(m *manifest.Manifest) {
			m.Created, m.Expires = m.Created.Add(-2*time.Hour), m.Created.Add(-time.Hour)
		})
	}},
}

// resign changes the manifest and signs it with one of the keys.
func (s *tempting) resign(t *testing.T, key int, change func(*manifest.Manifest)) {
	t.Helper()
	m, err := manifest.Parse([]byte(s.files[manifestFile]))
	must(t, err)
	data, err := os.ReadFile(s.keys[key])
	must(t, err)
	private, err := manifest.ParsePrivateKey(data)
	must(t, err)
	m.Version++
	change(m)
	text, err := m.Append(nil)
	must(t, err)
	write(t, s.dir, map[string]string{manifestFile: string(text), signatureFile: string(manifest.Sign(private, text))})
}
