package policies

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"labelgate/test/long"
)

// named is what is said of a file that was changed, if it is one of the policy. A
// fault in the settings may lead anywhere.
func named(name string) []string {
	if filepath.Dir(name) == "." {
		return nil // said where the settings name it
	}
	return []string{filepath.Base(filepath.Dir(name)) + "/" + filepath.Base(name) + ":"}
}

// TestTruncated cuts every file off at every byte.
func TestTruncated(t *testing.T) {
	for _, signed := range []bool{true, false} {
		name := map[bool]string{true: "signed", false: "sealed"}[signed]
		t.Run(name, func(t *testing.T) {
			s := newSite(t, signed)
			tried, accepted := 0, 0
			for _, file := range s.files() {
				if file == "policy/MANIFEST.sig" && !signed {
					continue // nobody looks at it
				}
				whole := s.read(file)
				for n := len(whole) - 1; n >= 0; n-- {
					must(t, os.Truncate(s.at(file), int64(n)))
					tried++
					if !s.refuses(fmt.Sprintf("%s cut off after %d bytes", file, n), named(file)...) {
						accepted++
					}
				}
				s.write(file, whole)
			}
			s.untouched()
			if _, err := s.load(); err != nil {
				t.Errorf("what was put back is refused: %v", err)
			}
			refused(t, "truncated/"+name, tried, accepted)
		})
	}
}

// fault is a byte of a file that can be another.
type fault struct {
	name string
	file *os.File
	at   int
	was  byte
}

func (f *fault) put(t *testing.T, b byte) {
	t.Helper()
	_, err := f.file.WriteAt([]byte{b}, int64(f.at))
	must(t, err)
}

// TestFlipped turns every bit of every file over, one at a time.
func TestFlipped(t *testing.T) {
	s := newSite(t, true)
	tried, accepted := 0, 0
	for _, f := range s.faults() {
		for bit := range 8 {
			tried++
			f.put(t, f.was^1<<bit)
			if !s.refuses(fmt.Sprintf("%s, bit %d of byte %d", f.name, bit, f.at), named(f.name)...) {
				accepted++
			}
			f.put(t, f.was)
		}
	}
	s.untouched()
	if _, err := s.load(); err != nil {
		t.Errorf("what was put back is refused: %v", err)
	}
	if tried < 20_000 {
		t.Errorf("only %d bits", tried)
	}
	refused(t, "flipped", tried, accepted)
}

// TestGarbled changes some bytes at once, in one file or in several, as a broken
// disk or an interrupted copy would. Nobody has signed these files.
func TestGarbled(t *testing.T) {
	s := newSite(t, false)
	r := rand.New(rand.NewPCG(long.Seed(t, 8), 1))
	faults := s.faults()
	tried, accepted := long.Count(5_000, 100_000), 0
	for range tried {
		from := r.IntN(len(faults))
		run := faults[from:min(from+1+r.IntN(16), len(faults))]
		changed := false
		for i := range run {
			b := byte(r.Uint32())
			changed = changed || b != run[i].was
			run[i].put(t, b)
		}
		if changed && !s.refuses(fmt.Sprintf("%d bytes from byte %d of %s", len(run), run[0].at, run[0].name)) {
			accepted++
		}
		for i := range run {
			run[i].put(t, run[i].was)
		}
	}
	s.untouched()
	refused(t, "garbled", tried, accepted)
}

// faults lists every byte of every file that is looked at.
func (s *site) faults() (all []fault) {
	s.t.Helper()
	for _, name := range s.files() {
		if name == "policy/MANIFEST.sig" && len(s.before.Config.Manifest.Keys) == 0 {
			continue
		}
		f, err := os.OpenFile(s.at(name), os.O_RDWR, 0)
		must(s.t, err)
		s.t.Cleanup(func() { f.Close() })
		for n, b := range s.read(name) {
			all = append(all, fault{name, f, n, b})
		}
	}
	return all
}
