package manifest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func example() *Manifest {
	m := &Manifest{
		Version: 7, Created: noon, Expires: noon.AddDate(0, 3, 0), Key: idPrefix + strings.Repeat("A", 43),
		Files: []File{NewFile("/etc/own", nil), NewFile("labelgate.toml", []byte("x\n")), NewFile("policy/accesses.d/a b  c", []byte("A B w\n"))},
	}
	Sort(m.Files)
	return m
}

func text(t testing.TB, m *Manifest) []byte {
	t.Helper()
	b, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Manifest)
	}{
		{"whole", func(*Manifest) {}},
		{"never expires", func(m *Manifest) { m.Expires = time.Time{} }},
		{"no key", func(m *Manifest) { m.Key = "" }},
		{"no files", func(m *Manifest) { m.Files = nil }},
		{"last version", func(m *Manifest) { m.Version = MaxVersion }},
		{"bytes that are no UTF-8", func(m *Manifest) { m.Files[0].Path = "/\xff\xfe" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := example()
			tt.change(want)
			written := text(t, want)
			got, err := Parse(written)
			if err != nil {
				t.Fatalf("%v\n%s", err, written)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if again := text(t, got); !bytes.Equal(again, written) {
				t.Errorf("%s became %s", written, again)
			}
		})
	}
}

func TestAppendRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		change     func(*Manifest)
	}{
		{"no version", "version", func(m *Manifest) { m.Version = 0 }},
		{"version too large", "version", func(m *Manifest) { m.Version = MaxVersion + 1 }},
		{"created, with nanoseconds", "created", func(m *Manifest) { m.Created = m.Created.Add(1) }},
		{"created elsewhere", "created", func(m *Manifest) { m.Created = m.Created.In(time.FixedZone("x", 3600)) }},
		{"expires too late", "expires", func(m *Manifest) { m.Expires = m.Expires.AddDate(9000, 0, 0) }},
		{"key", "key", func(m *Manifest) { m.Key = "none" }},
		{"no path", "name of a file", func(m *Manifest) { m.Files[0].Path = "" }},
		{"long path", "name of a file", func(m *Manifest) { m.Files[0].Path = strings.Repeat("/", MaxPath+1) }},
		{"new line in a path", "control", func(m *Manifest) { m.Files[0].Path = "/a\nb" }},
		{"unsorted", "sorted", func(m *Manifest) { m.Files[0].Path = "z" }},
		{"twice", "sorted", func(m *Manifest) { m.Files[0].Path = m.Files[1].Path }},
		{"size", "size", func(m *Manifest) { m.Files[0].Size = -1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := example()
			tt.change(m)
			if b, err := m.Append([]byte("before")); err == nil || !strings.Contains(err.Error(), tt.want) || string(b) != "before" {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
}

// resum gives a text the sum that it would have to have.
func resum(text string) []byte {
	body, _, _ := strings.Cut(text, "sum ")
	return fmt.Appendf([]byte(body), "sum %x\n", sha256.Sum256([]byte(body)))
}

func TestParseRefuses(t *testing.T) {
	whole := string(text(t, example()))
	for _, tt := range []struct{ name, old, new, want string }{
		{"another form", "manifest 1", "manifest 2", "line 1: does not begin"},
		{"no version", "version 7\n", "", `line 2: want "version"`},
		{"version 0", "version 7", "version 0", "a version is 1.."},
		{"version 07", "version 7", "version 07", "form"},
		{"version -7", "version 7", "version -7", "line 2:"},
		{"version too large", "version 7", "version 9223372036854775808", "line 2:"},
		{"another time zone", "2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "form"},
		{"a fraction", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5Z", "created"},
		{"no time", "2026-01-31T12:00:00Z", "today", "line 3:"},
		{"no key", "key SHA", "key sha", "not an ID"},
		{"capitals", "e3b0c4", "E3B0C4", "form"},
		{"a sum too short", "e3b0c4", "e3b0c", "line 6:"},
		{"one space", "  0  /etc", " 0  /etc", "line 6:"},
		{"size +0", "  0  /etc", "  +0  /etc", "line 6:"},
		{"no path", "0  /etc/own", "0  ", "name of a file"},
		{"unsorted", "/etc/own", "zzz", "sorted"},
		{"an empty line", "expires", "\nexpires", "line 4:"},
		{"a carriage return", "version 7\n", "version 7\r\n", "line 2:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changed := strings.Replace(whole, tt.old, tt.new, 1)
			if changed == whole {
				t.Fatal("nothing was changed")
			}
			if _, err := Parse(resum(changed)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	if _, err := Parse(append([]byte(whole), bytes.Repeat([]byte("x"), MaxSize)...)); err == nil {
		t.Error("a huge text was read")
	}
}

// TestEveryFault: whatever is cut off or turned over in the text, its own sum
// tells, even where nobody has signed it.
func TestEveryFault(t *testing.T) {
	whole := text(t, example())
	for n := range whole {
		if _, err := Parse(whole[:n]); err == nil {
			t.Errorf("cut off after %d bytes", n)
		}
		for bit := range 8 {
			changed := bytes.Clone(whole)
			changed[n] ^= 1 << bit
			if _, err := Parse(changed); err == nil {
				t.Errorf("bit %d of byte %d", bit, n)
			}
		}
	}
}

func TestCompare(t *testing.T) {
	m := example()
	for _, tt := range []struct {
		name   string
		change func([]File) []File
		want   []Difference
	}{
		{"the same", func(f []File) []File { return f }, nil},
		{"missing", func(f []File) []File { return f[:2] }, []Difference{{"policy/accesses.d/a b  c", "missing: the manifest names it, and it is not read"}}},
		{"all missing", func([]File) []File { return nil }, []Difference{
			{"/etc/own", "missing: the manifest names it, and it is not read"},
			{"labelgate.toml", "missing: the manifest names it, and it is not read"},
			{"policy/accesses.d/a b  c", "missing: the manifest names it, and it is not read"},
		}},
		{"extra", func(f []File) []File { return append(f, NewFile("policy/x", nil)) }, []Difference{{"policy/x", "extra: the manifest does not name it"}}},
		{"cut off", func(f []File) []File { f[1] = NewFile(f[1].Path, []byte("x")); return f }, []Difference{{"labelgate.toml", "changed since it was sealed: 1 of 2 bytes"}}},
		{"grown", func(f []File) []File { f[1] = NewFile(f[1].Path, []byte("x\ny\n")); return f }, []Difference{{"labelgate.toml", "changed since it was sealed: 2 bytes more than its 2"}}},
		{"changed", func(f []File) []File { f[1] = NewFile(f[1].Path, []byte("y\n")); return f }, []Difference{{"labelgate.toml", "changed since it was sealed"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, m.Compare(tt.change(append([]File(nil), m.Files...)))); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestCompareTwin holds Compare against maps.
func TestCompareTwin(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		draw := func() (files []File) {
			for i := range 6 {
				if r.IntN(3) > 0 {
					files = append(files, NewFile(fmt.Sprint("f", i), []byte(strings.Repeat("x", r.IntN(2))+fmt.Sprint(r.IntN(2)))))
				}
			}
			return files
		}
		m, files := &Manifest{Files: draw()}, draw()
		want := map[string]bool{}
		byPath := map[string]File{}
		for _, f := range files {
			byPath[f.Path] = f
			want[f.Path] = true
		}
		for _, f := range m.Files {
			if want[f.Path] = byPath[f.Path] != f; !want[f.Path] {
				delete(want, f.Path)
			}
		}
		got := map[string]bool{}
		for _, d := range m.Compare(files) {
			got[d.Path] = true
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
	}
}

// TestDigest: the digest is that of the files alone, and of all of them.
func TestDigest(t *testing.T) {
	a, b := example(), example()
	b.Version, b.Key = 8, ""
	if Digest(a.Files) != Digest(b.Files) {
		t.Error("it depends on more than the files")
	}
	b.Files[2].Sum[0] ^= 1
	if Digest(a.Files) == Digest(b.Files) || Digest(a.Files[:2]) == Digest(a.Files) {
		t.Error("it does not depend on every file")
	}
}
