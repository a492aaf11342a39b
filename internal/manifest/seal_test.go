package manifest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sealed(version uint64, sum byte, signer string, heirs ...string) Seal {
	return Seal{Version: version, Sum: bytes.Repeat([]byte{sum}, 32), Created: noon, Signer: signer, Heirs: heirs}
}

func TestFollow(t *testing.T) {
	none, off := Seal{}, Seal{Ignored: true}
	for _, tt := range []struct {
		name         string
		before, next Seal
		want         string // "": it may follow
	}{
		{"nothing after nothing", none, none, ""},
		{"the first seal", none, sealed(1, 1, ""), ""},
		{"the next version", sealed(7, 1, ""), sealed(8, 2, ""), ""},
		{"some versions later", sealed(7, 1, ""), sealed(80, 2, ""), ""},
		{"the same", sealed(7, 1, ""), sealed(7, 1, ""), ""},
		{"an older version", sealed(7, 1, ""), sealed(6, 2, ""), "older than version 7"},
		{"another of the same version", sealed(7, 1, ""), sealed(7, 2, ""), "another version 7"},
		{"not sealed any more", sealed(7, 1, ""), none, "has none"},
		{"switched off", sealed(7, 1, ""), off, ""},
		{"signed from now on", sealed(7, 1, ""), sealed(8, 2, "a", "a"), ""},
		{"signed by the same", sealed(7, 1, "a", "a"), sealed(8, 2, "a", "a"), ""},
		{"keys are exchanged, first step", sealed(7, 1, "a", "a"), sealed(8, 2, "a", "a", "b"), ""},
		{"keys are exchanged, second step", sealed(8, 2, "a", "a", "b"), sealed(9, 3, "b", "b"), ""},
		{"keys exchanged at once", sealed(7, 1, "a", "a"), sealed(8, 2, "b", "b"), "do not name"},
		{"not signed any more", sealed(7, 1, "a", "a"), sealed(8, 2, ""), "is signed, and this is not"},
		{"signed, then switched off", sealed(7, 1, "a", "a"), off, "is signed, and this is not"},
		{"signed, then nothing", sealed(7, 1, "a", "a"), none, "is signed, and this is not"},
		{"signed and older", sealed(7, 1, "a", "a"), sealed(6, 2, "a", "a"), "older"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := json.Marshal(&tt.before)
			if err != nil {
				t.Fatal(err)
			}
			var handed Seal // to another process
			if err := json.Unmarshal(data, &handed); err != nil {
				t.Fatal(err)
			}
			for _, before := range []*Seal{&tt.before, &handed} {
				switch err := before.Follow(&tt.next); {
				case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
					t.Errorf("%v, want %q", err, tt.want)
				}
			}
		})
	}
}

func TestFresh(t *testing.T) {
	expires := sealed(1, 1, "")
	expires.Expires = noon.Add(time.Hour)
	never := sealed(1, 1, "")
	for _, tt := range []struct {
		name string
		seal Seal
		now  time.Time
		want string
	}{
		{"in time", expires, noon, ""},
		{"the last moment", expires, noon.Add(time.Hour - 1), ""},
		{"the first moment", expires, noon.Add(time.Hour), "expired 2026-01-31T13:00:00Z"},
		{"long after", expires, noon.AddDate(10, 0, 0), "expired"},
		{"clocks that differ a little", expires, noon.Add(-23 * time.Hour), ""},
		{"a clock that begins in 1970", expires, time.Unix(0, 0), "nobody knows"},
		{"never", never, noon.AddDate(100, 0, 0), ""},
		{"never, in 1970", never, time.Unix(0, 0), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			switch err := tt.seal.Fresh(tt.now); {
			case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "version")
	for _, version := range []uint64{1, 7, MaxVersion} {
		s := sealed(version, byte(version), "")
		if err := Remember(path, &s); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Recall(data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if d := cmp.Diff(&Seal{Version: s.Version, Sum: s.Sum}, got); d != "" {
			t.Error(d)
		}
		for n := range data {
			if _, err := Recall(data[:n]); err == nil {
				t.Errorf("cut off after %d bytes", n)
			}
			for bit := range 8 {
				changed := bytes.Clone(data)
				changed[n] ^= 1 << bit
				if _, err := Recall(changed); err == nil {
					t.Errorf("bit %d of byte %d", bit, n)
				}
			}
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	s := sealed(1, 1, "")
	if err := Remember(filepath.Join(path, "no directory"), &s); err == nil {
		t.Error("no error")
	}
}

func TestRemembered(t *testing.T) {
	before := sealed(7, 1, "")
	for _, tt := range []struct {
		name string
		next Seal
		want string
	}{
		{"the next", sealed(8, 2, ""), ""},
		{"the same", sealed(7, 1, ""), ""},
		{"older", sealed(6, 2, ""), "older"},
		{"another of the same version", sealed(7, 2, ""), "another version 7"},
		{"none", Seal{}, "has none"},
		{"switched off", Seal{Ignored: true}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			switch err := before.Remembered(&tt.next); {
			case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
