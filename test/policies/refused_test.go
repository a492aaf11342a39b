package policies

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/load"
	"labelgate/internal/manifest"
	"labelgate/internal/policyfile"
)

const rules = "policy/accesses.d/site"

// TestRefused: every other way in which a set can be bad.
func TestRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: gives files to others, and makes devices")
	}
	tests := []struct {
		name   string
		change func(s *site)
		want   []string
	}{
		{"settings of another owner", owned("labelgate.toml"), []string{"labelgate.toml: owned by user 4321", "chown root"}},
		{"rules of another owner", owned(rules), []string{rules + ": owned by user 4321", "chown root"}},
		{"a restriction of another owner", owned("office-rules"), []string{`office-rules": owned by user 4321`, "chown root"}},
		{"a manifest of another owner", owned("policy/MANIFEST"), []string{"policy/MANIFEST: owned by user 4321"}},
		{"a signature of another owner", owned("policy/MANIFEST.sig"), []string{"policy/MANIFEST.sig: owned by user 4321"}},
		{"a policy of another owner", owned("policy"), []string{"policy: owned by user 4321"}},
		{"a directory of another owner", owned("policy/accesses.d"), []string{"policy/accesses.d: owned by user 4321"}},
		{"all of another owner", owned("."), []string{": owned by user 4321"}},
		{"settings that everybody can write", mode("labelgate.toml", 0o666), []string{"labelgate.toml: everybody can write it", "chmod o-w"}},
		{"rules that everybody can write", mode(rules, 0o602), []string{rules + ": everybody can write it", "chmod o-w"}},
		{"rules that a group can write", func(s *site) { must(s.t, os.Chown(s.at(rules), 0, 99)); mode(rules, 0o664)(s) }, []string{rules + ": group 99 can write it", "chmod g-w"}},
		{"a policy that everybody can write", mode("policy", 0o777), []string{"policy: everybody can write it"}},
		{"a policy that everybody can add to", mode("policy", 0o777|os.ModeSticky), []string{"policy: everybody can write it"}},
		{"a directory that everybody can add to", mode("policy/cipso.d", 0o777|os.ModeSticky), []string{"policy/cipso.d: everybody can write it"}},
		{"settings that are a link", link("labelgate.toml"), []string{"labelgate.toml: a symbolic link", "put in its place"}},
		{"rules that are a link", link(rules), []string{rules + ": a symbolic link", "put in its place"}},
		{"a restriction that is a link", link("office-rules"), []string{`office-rules": a symbolic link`}},
		{"a manifest that is a link", link("policy/MANIFEST"), []string{"policy/MANIFEST: a symbolic link"}},
		{"a signature that is a link", link("policy/MANIFEST.sig"), []string{"policy/MANIFEST.sig: a symbolic link"}},
		{"a policy that is a link", link("policy"), []string{"policy: a symbolic link"}},
		{"a directory that is a link", link("policy/accesses.d"), []string{"policy/accesses.d: a symbolic link"}},
		{"a link in the middle of a path", func(s *site) {
			must(s.t, os.MkdirAll(s.at("a/b/c"), 0o755))
			must(s.t, os.Rename(s.at("office-rules"), s.at("a/b/c/office-rules")))
			replace(s, "labelgate.toml", `"office-rules"`, `"a/b/c/office-rules"`)
			s.seal(8, func(*manifest.Manifest) {})
			link("a/b")(s)
		}, []string{"a/b: a symbolic link"}},
		{"a pipe", node(unix.S_IFIFO, 0), []string{rules + ": not a regular file"}},
		{"a socket", node(unix.S_IFSOCK, 0), []string{rules + ": not a regular file"}},
		{"a device", node(unix.S_IFCHR, int(unix.Mkdev(1, 5))), []string{rules + ": not a regular file"}},
		{"a disk", node(unix.S_IFBLK, int(unix.Mkdev(7, 250))), []string{rules + ": not a regular file"}},
		{"settings that are a pipe", func(s *site) {
			must(s.t, os.Remove(s.at("labelgate.toml")))
			must(s.t, unix.Mkfifo(s.at("labelgate.toml"), 0o600))
		}, nil},
		{"a directory for a file", func(s *site) {
			must(s.t, os.Remove(s.at(rules)))
			must(s.t, os.Mkdir(s.at(rules), 0o755))
		}, []string{rules + ": a directory where a file should be"}},
		{"a huge file", func(s *site) { must(s.t, os.Truncate(s.at(rules), policyfile.MaxFile+1)) }, []string{rules + ": larger than the 256 MiB"}},
		{"huge settings", func(s *site) { must(s.t, os.Truncate(s.at("labelgate.toml"), 1<<20+1)) }, []string{"labelgate.toml: larger than the 1 MiB"}},
		{"a huge manifest", func(s *site) { must(s.t, os.Truncate(s.at("policy/MANIFEST"), manifest.MaxSize+1)) }, []string{"policy/MANIFEST: larger than the 16 MiB"}},
		{"a huge signature", func(s *site) { must(s.t, os.Truncate(s.at("policy/MANIFEST.sig"), 1<<40)) }, []string{"policy/MANIFEST.sig: larger than the 4096 bytes"}},
		{"too many files", func(s *site) {
			for i := range policyfile.MaxFiles {
				f, err := os.Create(s.at(fmt.Sprintf("policy/accesses.d/%d", i)))
				must(s.t, err)
				f.Close()
			}
		}, []string{"more than the 10000 files"}},
		{"an extra file", func(s *site) { s.write("policy/accesses.d/zz", nil) }, []string{"policy/accesses.d/zz: extra"}},
		{"an extra part", func(s *site) { s.write("policy/netlabel", []byte("0.0.0.0/0 @\n")) }, []string{"policy/netlabel: extra"}},
		{"a missing file", remove(rules), []string{rules + ": missing"}},
		{"a missing directory", remove("policy/accesses.d"), []string{rules + ": missing"}},
		{"a missing policy", remove("policy"), []string{"policy: no such file"}},
		{"a missing restriction", remove("office-rules"), []string{`office-rules": no such file`}},
		{"a missing manifest", remove("policy/MANIFEST"), []string{"policy/MANIFEST: missing"}},
		{"a missing signature", remove("policy/MANIFEST.sig"), []string{"policy/MANIFEST.sig: missing"}},
		{"two files with each other's content", func(s *site) {
			a, b := s.read(rules), s.read("office-rules")
			s.write(rules, b)
			s.write("office-rules", a)
		}, []string{rules + ": changed", "office-rules: changed"}},
		{"a file by another name", func(s *site) { must(s.t, os.Rename(s.at(rules), s.at(rules+"2"))) }, []string{rules + ": missing", rules + "2: extra"}},
		{"an empty policy", func(s *site) {
			must(s.t, os.RemoveAll(s.at("policy")))
			must(s.t, os.Mkdir(s.at("policy"), 0o755))
		}, []string{"policy: there is no policy in this directory"}},
		{"empty settings", func(s *site) { s.write("labelgate.toml", nil) }, []string{"there is no [[zone]]"}},
		{"no settings", remove("labelgate.toml"), nil},
		{"signed with another key", func(s *site) {
			right := s.key
			s.key = key(2)
			s.seal(8, func(m *manifest.Manifest) { m.Key = right.Public().ID() })
		}, []string{"policy/MANIFEST.sig: made by key " + key(2).Public().ID() + ", which is not among those that may sign"}},
		{"signed with another key that calls itself so", func(s *site) {
			s.key = key(2)
			s.seal(8, func(*manifest.Manifest) {})
		}, []string{"not among those that may sign"}},
		{"the signature of an older version", func(s *site) {
			before := s.read("policy/MANIFEST.sig")
			s.seal(8, func(*manifest.Manifest) {})
			s.write("policy/MANIFEST.sig", before)
		}, []string{"policy/MANIFEST.sig: wrong"}},
		{"expired", func(s *site) {
			s.seal(8, func(m *manifest.Manifest) {
				m.Created, m.Expires = m.Created.Add(-2*time.Hour), m.Created.Add(-time.Hour)
			})
		}, []string{"policy/MANIFEST: expired"}},
		{"made in the future", func(s *site) {
			s.seal(8, func(m *manifest.Manifest) {
				m.Created, m.Expires = m.Created.AddDate(1, 0, 0), m.Created.AddDate(2, 0, 0)
			})
		}, []string{"policy/MANIFEST: made "}},
	}
	accepted := 0
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, true)
			tt.change(s)
			begun := time.Now()
			switch _, err := s.load(); {
			case tt.want == nil && err != nil: // not even a set
			case !s.refuses(tt.name, tt.want...):
				accepted++
			}
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
			s.untouched()
		})
	}
	refused(t, "otherwise", len(tests), accepted)
}

// TestRolledBack: what was in force is not followed by less.
func TestRolledBack(t *testing.T) {
	tests := []struct {
		name   string
		change func(s *site)
		want   string
		later  bool // after a restart too; who can exchange the settings as well begins anew with them
	}{
		{"an older version", func(s *site) { s.seal(6, func(*manifest.Manifest) {}) }, "version 6 is older than version 7", true},
		{"another of the same version", func(s *site) { s.seal(7, func(m *manifest.Manifest) { m.Expires = m.Created.AddDate(1, 0, 0) }) }, "another version 7", true},
		{"everything exchanged, the keys too", func(s *site) {
			s.key = key(2)
			s.settings(signedBy(s.key))
			s.seal(8, func(*manifest.Manifest) {})
		}, "which the settings in force do not name", false},
		{"no signature wanted any more", func(s *site) {
			s.settings("")
			s.seal(8, func(*manifest.Manifest) {})
		}, "is signed, and this is not", false},
		{"no manifest wanted any more", func(s *site) {
			s.settings("manifest = \"off\"\n")
			remove("policy/MANIFEST")(s)
		}, "is signed, and this is not", false},
	}
	tried, accepted := 0, 0
	try := func(t *testing.T, s *site, change func(*site), o load.Options, want string) {
		tried++
		change(s)
		g, err := o.Load(s.at("labelgate.toml"), 2)
		if err == nil {
			accepted++
		}
		var problems policyfile.Problems
		if g != nil || !errors.As(err, &problems) || len(problems) != 1 || problems[0].File != s.at("policy/MANIFEST") || !strings.Contains(problems[0].Message, want) {
			t.Errorf("%v, want %q", err, want)
		}
		s.untouched()
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, true)
			try(t, s, tt.change, load.Options{Before: &s.before.Seal}, tt.want)
		})
		if !tt.later {
			continue
		}
		t.Run(tt.name+", after a restart", func(t *testing.T) {
			s := newSite(t, true)
			s.settings("manifest-state = \"state\"\n" + signedBy(s.key))
			must(t, manifest.Remember(s.at("state"), &s.before.Seal))
			try(t, s, tt.change, load.Options{}, tt.want)
		})
	}
	refused(t, "rolled-back", tried, accepted)
}

// TestFollowed: what is right follows, one version after the other, and with keys
// that are exchanged in two steps.
func TestFollowed(t *testing.T) {
	s := newSite(t, true)
	next := func(version uint64) {
		t.Helper()
		s.seal(version, func(*manifest.Manifest) {})
		g, err := load.Options{Before: &s.before.Seal}.Load(s.at("labelgate.toml"), uint32(version))
		must(t, err)
		s.before = g
	}
	next(8)
	s.write(rules, append(s.read(rules), "Other Thing w\n"...))
	next(9)
	s.settings(signedBy(key(1), key(2)))
	next(10)
	s.key = key(2)
	next(11)
	s.settings(signedBy(key(2)))
	next(12)
}
