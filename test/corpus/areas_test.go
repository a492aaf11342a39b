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
	seen := make([]bool, Triples)
	n := 0
	var b [maxArea]byte
	for i := range Triples {
		area := Triple(&b, 3, i)
		length := int(b[1])
		if len(area)%4 != 0 || len(area) < length || len(area) > length+3 || length < 2 {
			t.Fatalf("%x", area)
		}
		if length < 8 {
			continue // the tag is not there
		}
		if at := length<<16 | int(area[6])<<8 | int(area[7]) - 2<<16; !seen[at] {
			seen[at] = true
			n++
		}
	}
	if want := 33 << 16; n != want {
		t.Errorf("%d triples, want %d", n, want)
	}
}
