package hostmap

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// twin is the table as anybody would write it: it looks at every entry.
type twin struct {
	entries []Entry
	zones   []string
}

func (w *twin) lookup(zone uint8, a netip.Addr, cipso bool) int32 {
	a = a.Unmap()
	if a == netip.MustParseAddr("0.0.0.0") || a.WithZone("") == netip.MustParseAddr("::1") {
		return -1
	}
	best := int32(-1)
	for i, e := range w.entries {
		bound := zone > 0 && int(zone) <= len(w.zones) && e.Zone == w.zones[zone-1]
		switch {
		case e.Zone != "" && !bound, e.Kind == CIPSO && !cipso, !e.Prefix.Contains(a.WithZone("")):
		case best < 0, e.Prefix.Bits() > w.entries[best].Prefix.Bits(), e.Prefix.Bits() == w.entries[best].Prefix.Bits() && e.Zone != "":
			best = int32(i)
		}
	}
	return best
}

// address draws from few bytes, so that prefixes nest and addresses hit.
func address(r *rand.Rand) netip.Addr {
	few := [...]byte{0, 1, 2, 127, 128, 255}
	var b [16]byte
	for i := range b {
		b[i] = few[r.IntN(len(few))]
	}
	switch r.IntN(4) {
	case 0:
		return netip.AddrFrom16(b)
	case 1: // mapped
		return netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff, 12: b[0], 13: b[1], 14: b[2], 15: b[3]})
	default:
		return netip.AddrFrom4([4]byte(b[:4]))
	}
}

func TestTwin(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 6))
		w := twin{zones: []string{"red", "blue"}}
		b := NewBuilder()
		for range 1 + r.IntN(200) {
			a := address(r)
			if a.Is4In6() {
				a = a.Unmap()
			}
			e := Entry{Prefix: netip.PrefixFrom(a, r.IntN(a.BitLen()+1)).Masked(), Kind: Kind(r.IntN(2)), Zone: [...]string{"", "", "red", "blue"}[r.IntN(4)]}
			if b.Add(e) == nil {
				w.entries = append(w.entries, e)
			}
		}
		tbl, err := b.Build(w.zones)
		if err != nil {
			t.Fatal(err)
		}
		for range 2000 {
			a, zone := address(r), uint8(r.IntN(4))
			if got, want := tbl.Lookup(zone, a), w.lookup(zone, a, true); got != want {
				t.Fatalf("seed %d: Lookup(%d, %s) = %d, linear search says %d", seed, zone, a, got, want)
			}
			if got, want := tbl.LookupLabeled(zone, a), w.lookup(zone, a, false); got != want {
				t.Fatalf("seed %d: LookupLabeled(%d, %s) = %d, linear search says %d", seed, zone, a, got, want)
			}
		}
	}
}
