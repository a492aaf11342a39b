package flow

import (
	"math/rand/v2"
	"testing"
)

// twin is a table of one set as anybody would write it: a map of what was noted,
// from which what gave way is taken out. It does not choose who gives way but
// judges by counting whether the choice was right.
type twin struct {
	idle  uint32
	flows map[Key]noted
}

type noted struct {
	Flow
	generation, seen uint32
}

func (w *twin) live(now, generation uint32, k Key) (noted, bool) {
	n, ok := w.flows[k]
	if !ok || n.generation != generation || now-n.seen > w.idle {
		return noted{}, false
	}
	return n, true
}

// forget takes out what tbl no longer knows after a flow of k was put in, and
// reports what was wrong with that.
func (w *twin) forget(tbl *Table, now, generation uint32, k Key) (wrong string) {
	held, live := map[uint8]int{}, 0
	var gone []noted
	for other := range w.flows {
		n, ok := w.live(now, generation, other)
		if other == k {
			ok = false // counted below
		}
		if ok {
			live++
			held[n.In]++
		}
		if _, still := tbl.Find(now, generation, other); still || other == k {
			continue
		}
		if ok {
			gone = append(gone, n)
		}
		if tbl.sets[0].find(other.words()) == nil {
			delete(w.flows, other)
		}
	}
	if len(gone) == 0 {
		return ""
	}
	_, known := w.live(now, generation, k)
	switch {
	case known:
		return "a flow gave way to one that was known"
	case len(gone) > 1:
		return "several flows gave way to one"
	case live < ways:
		return "a live flow gave way while there was room"
	}
	g := gone[0]
	zone := w.flows[k].In
	held[zone]++
	for z, n := range held {
		if n > held[g.In] {
			return "its zone has not most"
		}
		if z == zone && z != g.In && n == held[g.In] && n > 1 {
			return "a zone took from another that has no more"
		}
	}
	for other := range w.flows {
		if n, ok := w.live(now, generation, other); ok && other != k && n.In == g.In && now-n.seen > now-g.seen {
			return "one of its zone was silent for longer"
		}
	}
	return ""
}

// compare plays a stream of operations to a table and its twin.
func compare(t *testing.T, next func() (byte, bool)) {
	tbl := New(ways, 20)
	w := twin{idle: 20, flows: map[Key]noted{}}
	now, generation := uint32(1<<32-50), uint32(1<<32-2)
	for step := 0; ; step++ {
		op, ok := next()
		which, _ := next()
		what, _ := next()
		if !ok {
			return
		}
		now += uint32(op >> 5) // 0..7 seconds
		if which>>5 == 7 && what>>5 == 7 {
			generation++
		}
		k := number(int(which % 24))
		f := Flow{Label: uint32(what & 1), Labeled: what&2 != 0, Grew: int8(which), In: what >> 2 & 3, Out: 9}
		before, live := w.live(now, generation, k)
		switch op & 3 {
		case 0:
			got, ok := tbl.Find(now, generation, k)
			if ok != live || got != before.Flow {
				t.Fatalf("step %d: Find %+v, %v, want %+v, %v", step, got, ok, before.Flow, live)
			}
			continue
		case 1:
			want := !live || before.Label == f.Label && before.Labeled == f.Labeled
			if got := tbl.Pin(now, generation, k, f); got != want {
				t.Fatalf("step %d: Pin %v, want %v", step, got, want)
			} else if !got {
				if after, ok := tbl.Find(now, generation, k); !ok || after != before.Flow {
					t.Fatalf("step %d: Pin refused, and changed the flow to %+v, %v", step, after, ok)
				}
				continue
			}
		default:
			tbl.Note(now, generation, k, f)
		}
		if got, ok := tbl.Find(now, generation, k); !ok || got != f {
			t.Fatalf("step %d: noted %+v, found %+v, %v", step, f, got, ok)
		}
		if wrong := w.put(tbl, now, generation, k, f); wrong != "" {
			t.Fatalf("step %d: %s", step, wrong)
		}
		if what>>6 == 3 {
			w.compareList(t, tbl, now, generation, int(which&3))
		}
	}
}

// put notes a flow after the table did.
func (w *twin) put(tbl *Table, now, generation uint32, k Key, f Flow) string {
	if _, live := w.live(now, generation, k); live {
		wrong := w.forget(tbl, now, generation, k)
		w.flows[k] = noted{f, generation, now}
		return wrong
	}
	w.flows[k] = noted{Flow: f, generation: generation - 1} // not live yet
	wrong := w.forget(tbl, now, generation, k)
	w.flows[k] = noted{f, generation, now}
	return wrong
}

func TestTwin(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 9))
		left := 9000
		compare(t, func() (byte, bool) {
			left--
			b := byte(r.Uint32())
			if left%3 == 2 && r.IntN(8) != 0 {
				b &= 31 // most packets come in the same second
			}
			return b, left >= 0
		})
	}
}

// The seeds are in testdata/fuzz.

func FuzzTable(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		compare(t, func() (byte, bool) {
			if len(b) == 0 {
				return 0, false
			}
			first := b[0]
			b = b[1:]
			return first, true
		})
	})
}
