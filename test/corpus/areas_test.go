package corpus

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func newAreas(t *testing.T, seed uint64) *Areas {
	t.Helper()
	seeds, err := Recorded("../..")
	if err != nil {
		t.Fatal(err)
	}
	return NewAreas(seed, 3, seeds)
}

// TestAreas: the same seed draws the same areas, all of them whole words, and no
// domain but 3, 0 and the strange ones stands where Linux looks for it.
func TestAreas(t *testing.T) {
	one, same, other := newAreas(t, 1), newAreas(t, 1), newAreas(t, 2)
	differ := false
	for range 20_000 {
		area := one.Next()
		if !bytes.Equal(area, same.Next()) {
			t.Fatal("the same seed draws something else")
		}
		differ = differ || !bytes.Equal(area, other.Next())
		if n := len(area); n < 4 || n > maxArea || n%4 != 0 {
			t.Fatalf("%d bytes: %x", n, area)
		}
		if area[0] != typeCIPSO {
			continue
		}
		if len(area) < 8 {
			continue
		}
		if doi := binary.BigEndian.Uint32(area[2:]); doi != 0 && doi != 3 && doi>>24 != strangeDOI {
			t.Fatalf("domain %d: %x", doi, area)
		}
	}
	if !differ {
		t.Error("another seed draws the same")
	}
}

func TestAreasDoNotAllocate(t *testing.T) {
	a := newAreas(t, 3)
	if n := testing.AllocsPerRun(5000, func() { a.Next() }); n != 0 {
		t.Errorf("%v allocations an area", n)
	}
}

func TestKept(t *testing.T) {
	for _, pkg := range []string{"cipso", "internal/ipv4"} {
		all, err := Kept("../..", pkg)
		if err != nil || len(all) < 30 {
			t.Errorf("%s: %d, %v", pkg, len(all), err)
		}
	}
	if _, err := Kept("../..", "test/corpus"); err == nil {
		t.Error("a corpus where there is none")
	}
}

// TestTriple: all of them are there, once.
func TestTriple(t *testing.T) {
	type triple struct{ length, kind, tagLength byte }
	seen := make(map[triple]bool, Triples)
	var b [maxArea]byte
	for n := range Triples {
		area := Triple(&b, 3, n)
		length := area[1]
		if len(area)%4 != 0 || len(area) < int(length) || len(area) > maxArea || length < 2 {
			t.Fatalf("%x", area)
		}
		if length < 8 {
			continue // the tag is not there
		}
		seen[triple{length, area[6], area[7]}] = true
	}
	if want := 33 * 256 * 256; len(seen) != want {
		t.Errorf("%d triples, want %d", len(seen), want)
	}
}
