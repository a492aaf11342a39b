package flow

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkKnown(b *testing.B) {
	for _, size := range []struct {
		name  string
		flows int
	}{{"1000", 1000}, {"60000", 60000}} {
		tbl := New(65536, 300)
		keys := make([]Key, 1<<16)
		r := rand.New(rand.NewPCG(5, 6))
		for i := range keys {
			if i < size.flows {
				keys[i] = stranger(r)
			} else {
				keys[i] = keys[i-size.flows]
			}
			tbl.Note(1, 1, keys[i], Flow{In: 1})
		}
		b.Run("NoteFind/"+size.name, func(b *testing.B) {
			b.ReportAllocs()
			found := 0
			for i := 0; b.Loop(); i++ {
				k := &keys[i&(len(keys)-1)]
				tbl.Note(1, 1, *k, Flow{In: 1})
				if _, ok := tbl.Find(1, 1, *k); ok {
					found++
				}
			}
			if found == 0 {
				b.Fatal("nothing is found")
			}
		})
		b.Run("Pin/"+size.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				tbl.Pin(1, 1, keys[i&(len(keys)-1)], Flow{In: 1})
			}
		})
	}
}

// BenchmarkFlood: no key is known, each displaces a flow.
func BenchmarkFlood(b *testing.B) {
	tbl := New(65536, 300)
	r := rand.New(rand.NewPCG(7, 8))
	keys := make([]Key, 1<<20)
	for i := range keys {
		keys[i] = stranger(r)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		tbl.Note(1, 1, keys[i&(len(keys)-1)], Flow{In: uint8(i & 3)})
	}
}
