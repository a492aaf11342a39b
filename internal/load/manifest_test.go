package load

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labelgate/internal/manifest"
	"labelgate/internal/policyfile"
)

// noon is when the policies of these tests are sealed and loaded.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func key(seed byte) manifest.PrivateKey {
	var s [ed25519.SeedSize]byte
	s[0] = seed
	return manifest.PrivateKey{Key: ed25519.NewKeyFromSeed(s[:]), Comment: "test"}
}

// site is a policy on disk that can be changed and sealed.
type site struct {
	t    *testing.T
	path string
}

// newSite writes a policy whose settings begin with these lines.
func newSite(t *testing.T, lines ...string) *site {
	t.Helper()
	s := &site{t, filepath.Join(t.TempDir(), "labelgate.toml")}
	s.settings(lines...)
	s.write("policy/accesses.d/site", "A B w\n")
	s.write("policy/netlabel.d/site", "10.0.0.1 B\n")
	s.write("office-rules", "A B w\n")
	return s
}

func (s *site) settings(lines ...string) {
	s.write("labelgate.toml", strings.Join(lines, "\n")+"\n[[zone]]\nname = \"a\"\ninterfaces = [\"a0\"]\nrestrict = \"office-rules\"\n")
}

func (s *site) at(name string) string { return filepath.Join(filepath.Dir(s.path), name) }

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.at(name)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.at(name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) load(o Options) (*Gateway, error) {
	if o.Now == nil {
		o.Now = func() time.Time { return noon }
	}
	return o.Load(s.path, 1)
}

// seal seals what is there. change may change the manifest before it is signed.
func (s *site) seal(version uint64, signer *manifest.PrivateKey, change func(*manifest.Manifest)) {
	s.t.Helper()
	g, err := s.load(Options{Sealing: true})
	if err != nil {
		s.t.Fatal(err)
	}
	m := &manifest.Manifest{Version: version, Created: noon, Files: g.Contents}
	if signer != nil {
		m.Key = signer.Public().ID()
	}
	if change != nil {
		change(m)
	}
	text, err := m.Append(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("policy/MANIFEST", string(text))
	if signer != nil {
		s.write("policy/MANIFEST.sig", string(manifest.Sign(*signer, text)))
	}
}

// signedBy is the setting that demands a signature by one of the keys.
func signedBy(keys ...manifest.PrivateKey) string {
	var lines []string
	for _, k := range keys {
		lines = append(lines, `"`+k.Public().String()+`"`)
	}
	return "manifest = \"signed\"\nmanifest-keys = [" + strings.Join(lines, ", ") + "]"
}

// TestManifest: what is demanded of a policy, and what is said of one that is not
// so. want begins with the file at fault.
func TestManifest(t *testing.T) {
	one, two := key(1), key(2)
	const site1 = "policy/accesses.d/site"
	for _, tt := range []struct {
		name     string
		settings string
		make     func(s *site)
		want     string // "": it is taken
	}{
		{"nothing is demanded, and nothing there", "", nil, ""},
		{"nothing is demanded, and it is right", "", func(s *site) { s.seal(7, nil, nil) }, ""},
		{"nothing is demanded, and it is wrong", "", func(s *site) { s.seal(7, nil, nil); s.write(site1, "A B r\n") }, site1 + ": changed since it was sealed"},
		{"nobody looks at it", `manifest = "off"`, func(s *site) { s.write("policy/MANIFEST", "nonsense") }, ""},
		{"one is demanded", `manifest = "require"`, func(s *site) { s.seal(1, nil, nil) }, ""},
		{"one is missing", `manifest = "require"`, nil, "policy/MANIFEST: missing"},
		{"it has not changed", "", func(s *site) { s.seal(7, nil, nil); s.write(site1, "A B w\n") }, ""},
		{"a file is cut off", "", func(s *site) { s.seal(7, nil, nil); s.write(site1, "A B") }, site1 + ": changed since it was sealed: 3 of 6 bytes"},
		{"a file is longer", "", func(s *site) { s.seal(7, nil, nil); s.write(site1, "A B w\nB A w\n") }, site1 + ": changed since it was sealed: 6 bytes more than its 6"},
		{"a file is missing", "", func(s *site) { s.seal(7, nil, nil); os.Remove(s.at(site1)) }, site1 + ": missing: the manifest names it"},
		{"a file of the settings is missing", "", func(s *site) { s.seal(7, nil, nil); os.Remove(s.at("office-rules")) }, `labelgate.toml:2:1: restrict = "`},
		{"a file is extra", "", func(s *site) { s.seal(7, nil, nil); s.write("policy/accesses.d/zz", "") }, "policy/accesses.d/zz: extra: the manifest does not name it"},
		{"a part is extra", "", func(s *site) { s.seal(7, nil, nil); s.write("policy/cipso", "") }, "policy/cipso: extra: the manifest does not name it"},
		{"what is not read is not extra", "", func(s *site) { s.seal(7, nil, nil); s.write("policy/notes", "") }, ""},
		{"the settings changed", "", func(s *site) { s.seal(7, nil, nil); s.settings("logging = 2") }, "labelgate.toml: changed since it was sealed"},
		{"the restriction changed", "", func(s *site) { s.seal(7, nil, nil); s.write("office-rules", "A B r\n") }, "office-rules: changed since it was sealed"},
		{"nobody looks into a file that changed", "", func(s *site) { s.seal(7, nil, nil); s.write(site1, "bad") }, site1 + ": changed since it was sealed: 3 of 6 bytes"},
		{"the manifest is broken", "", func(s *site) { s.write("policy/MANIFEST", "labelgate manifest 1\n") }, "policy/MANIFEST: cut off or changed"},
		{"the manifest is a directory", "", func(s *site) { s.write("policy/MANIFEST/x", "") }, "policy/MANIFEST: a directory where"},
		{"the manifest can be written by all", "", func(s *site) { s.seal(7, nil, nil); os.Chmod(s.at("policy/MANIFEST"), 0o666) }, "policy/MANIFEST: everybody can write it"},
		{"signed", signedBy(one), func(s *site) { s.seal(7, &one, nil) }, ""},
		{"signed by the second", signedBy(one, two), func(s *site) { s.seal(7, &two, nil) }, ""},
		{"not signed", signedBy(one), func(s *site) { s.seal(7, nil, nil) }, "policy/MANIFEST.sig: missing"},
		{"no manifest at all", signedBy(one), nil, "policy/MANIFEST: missing"},
		{"signed by somebody else", signedBy(one), func(s *site) { s.seal(7, &two, nil) }, "policy/MANIFEST.sig: made by key " + two.Public().ID()},
		{"signed for another key", signedBy(one, two), func(s *site) {
			s.seal(7, &one, func(m *manifest.Manifest) { m.Key = two.Public().ID() })
		}, "policy/MANIFEST.sig: made by key"},
		{"signed for no key", signedBy(one), func(s *site) { s.seal(7, &one, func(m *manifest.Manifest) { m.Key = "" }) }, "policy/MANIFEST.sig: made by key"},
		{"the signature of another version", signedBy(one), func(s *site) {
			s.seal(7, &one, nil)
			before, _ := os.ReadFile(s.at("policy/MANIFEST.sig"))
			s.seal(8, &one, nil)
			s.write("policy/MANIFEST.sig", string(before))
		}, "policy/MANIFEST.sig: wrong"},
		{"the signature is a link", signedBy(one), func(s *site) {
			s.seal(7, &one, nil)
			os.Rename(s.at("policy/MANIFEST.sig"), s.at("sig"))
			os.Symlink("../sig", s.at("policy/MANIFEST.sig"))
		}, "policy/MANIFEST.sig: a symbolic link"},
		{"in time", "", func(s *site) { s.seal(7, nil, func(m *manifest.Manifest) { m.Expires = noon.Add(time.Second) }) }, ""},
		{"expired", "", func(s *site) { s.seal(7, nil, func(m *manifest.Manifest) { m.Expires = noon }) }, "policy/MANIFEST: expired 2026-01-31T12:00:00Z"},
		{"the clock stands", "", func(s *site) {
			s.seal(7, nil, func(m *manifest.Manifest) { m.Created, m.Expires = noon.AddDate(50, 0, 0), noon.AddDate(51, 0, 0) })
		}, "policy/MANIFEST: made 2076"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, tt.settings)
			if tt.make != nil {
				tt.make(s)
			}
			g, err := s.load(Options{})
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var problems policyfile.Problems
			if g != nil || !errors.As(err, &problems) || len(problems) != 1 {
				t.Fatalf("%v, %v", g, err)
			}
			if !strings.HasPrefix(problems[0].Error(), s.at(tt.want)) || problems[0].Code == "" {
				t.Errorf("%v, want %s", problems[0].Error(), tt.want)
			}
		})
	}
}

// TestFollow: what is in force is held against what comes, in a run and over
// restarts.
func TestFollow(t *testing.T) {
	one, two := key(1), key(2)
	state := "manifest-state = \"version\"\n"
	first := newSite(t, state+signedBy(one))
	first.seal(7, &one, nil)
	before, err := first.load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if before.Seal.Version != 7 || before.Seal.Signer != one.Public().ID() || len(before.Seal.Heirs) != 1 || !before.Deadline.IsZero() {
		t.Errorf("%+v", before.Seal)
	}
	for _, tt := range []struct {
		name, settings string
		version        uint64
		signer         *manifest.PrivateKey
		want           string
		restart        string // what is said after a restart
	}{
		{"the next", signedBy(one), 8, &one, "", ""},
		{"an older one", signedBy(one), 6, &one, "version 6 is older than version 7", "version 6 is older than version 7"},
		{"another of the same", signedBy(one), 7, &one, "another version 7", "another version 7"},
		{"with a key of their own", signedBy(two), 8, &two, "which the settings in force do not name", ""},
		{"with one key more", signedBy(one, two), 8, &one, "", ""},
		{"not signed", "", 8, nil, "is signed, and this is not", ""},
		{"not sealed", "", 0, nil, "is signed, and this is not", "has none"},
		{"not looked at", `manifest = "off"`, 0, nil, "is signed, and this is not", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings := tt.settings
			if !strings.Contains(settings, "off") {
				settings = state + settings
			}
			s := newSite(t, settings, "logging = 3")
			if tt.version > 0 {
				s.seal(tt.version, tt.signer, nil)
			}
			says := func(what string, err error, want string) {
				t.Helper()
				if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "policy/MANIFEST: ")) {
					t.Errorf("%s: %v, want %q", what, err, want)
				}
			}
			_, err := s.load(Options{Before: &before.Seal})
			says("in a run", err, tt.want)
			if err := manifest.Remember(s.at("version"), &before.Seal); err != nil {
				t.Fatal(err)
			}
			_, err = s.load(Options{})
			says("after a restart", err, tt.restart)
			s.write("version", "what is this")
			if _, err = s.load(Options{}); !strings.Contains(settings, "off") && (err == nil || !strings.Contains(err.Error(), "version: cut off or changed")) {
				t.Errorf("with a broken memory: %v", err)
			}
		})
	}
}

// TestDeadline: the deadline is on the clock that is never set.
func TestDeadline(t *testing.T) {
	s := newSite(t)
	start := time.Now()
	s.seal(1, nil, func(m *manifest.Manifest) {
		m.Created = start.UTC().Truncate(time.Second)
		m.Expires = m.Created.Add(time.Hour)
	})
	g, err := s.load(Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if left := g.Deadline.Sub(start); left < time.Hour-2*time.Second || left > time.Hour+time.Second || !strings.Contains(g.Deadline.String(), " m=") {
		t.Errorf("%v, in %v", g.Deadline, left)
	}
}

// TestDigests: the digest changes with every file and with nothing else; the
// numbering with the names of labels and zones.
func TestDigests(t *testing.T) {
	load := func(s *site) *Gateway {
		t.Helper()
		g, err := s.load(Options{})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	s := newSite(t)
	first := load(s)
	if first.Digest == [sha256.Size]byte{} || first.Numbering == [sha256.Size]byte{} {
		t.Error("no digest")
	}
	if other := load(newSite(t)); other.Digest != first.Digest || other.Numbering != first.Numbering {
		t.Error("the same in another place has another digest")
	}
	s.seal(3, nil, nil)
	if g := load(s); g.Digest != first.Digest {
		t.Error("a manifest is not part of what it describes")
	}
	os.Remove(s.at("policy/MANIFEST"))
	for _, tt := range []struct {
		name, file, text string
		numbering        bool // changes
	}{
		{"a comment", "policy/accesses.d/site", "A B w\n# more\n", false},
		{"another access", "policy/accesses.d/site", "A B rw\n", false},
		{"another label", "policy/accesses.d/site", "A B w\nA C w\n", true},
		{"another order", "policy/accesses.d/site", "B A w\n", true},
		{"an empty file more", "policy/accesses.d/zz", "", false},
		{"the restriction", "office-rules", "A B r\n", false},
		{"the settings", "labelgate.toml", "[[zone]]\nname = \"a\"\ninterfaces = [\"a1\"]\nrestrict = \"office-rules\"\n", false},
		{"another zone", "labelgate.toml", "[[zone]]\nname = \"b\"\ninterfaces = [\"a0\"]\nrestrict = \"office-rules\"\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.write(tt.file, tt.text)
			g := load(s)
			if g.Digest == first.Digest {
				t.Error("the digest is the same")
			}
			if (g.Numbering != first.Numbering) != tt.numbering {
				t.Errorf("the numbering changed: %v", g.Numbering != first.Numbering)
			}
		})
	}
}
