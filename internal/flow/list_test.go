package flow

import (
	"math/rand/v2"
	"testing"
)

// compareList holds what a table lists, in pieces of several sizes, against its twin.
func (w *twin) compareList(t *testing.T, tbl *Table, now, generation uint32, size int) {
	t.Helper()
	want := make(map[Key]Listed)
	for k := range w.flows {
		if n, ok := w.live(now, generation, k); ok {
			want[k] = Listed{Key: k, Flow: n.Flow, Idle: now - n.seen}
		}
	}
	place := -1
	for _, got := range listAll(t, tbl, now, generation, 1+size, 1+size*2) {
		if got.Place <= place || got.Place >= tbl.Places() {
			t.Fatalf("place %d after %d", got.Place, place)
		}
		place, got.Place = got.Place, 0
		if l, ok := want[got.Key]; !ok || got != l {
			t.Fatalf("listed %+v at %d, twin %+v", got, now, l)
		}
		delete(want, got.Key)
	}
	if len(want) != 0 {
		t.Fatalf("not listed: %v", want)
	}
}

// listAll lists a table in steps of so many places and so many flows.
func listAll(t *testing.T, tbl *Table, now, generation uint32, places, room int) (all []Listed) {
	l := make([]Listed, room)
	for from := 0; from < tbl.Places(); {
		n, next := tbl.List(now, generation, from, from+places, l)
		if next <= from || next > from+places {
			t.Fatalf("%d flows from place %d, next %d", n, from, next)
		}
		all, from = append(all, l[:n]...), next
	}
	return all
}

// TestList: every key comes out as it was put in.
func TestList(t *testing.T) {
	k := Key{Src: [4]byte{10, 1, 2, 3}, Dst: [4]byte{192, 0, 2, 254}, Proto: 132, SrcPort: 40001, DstPort: 65535}
	f := Flow{Label: 1 << 20, Labeled: true, Grew: -40, In: 63, Out: 1}
	tbl := New(64, 10)
	tbl.Note(89, 7, Key{Proto: 2}, f)  // silent for too long
	tbl.Note(100, 6, Key{Proto: 1}, f) // of another policy, whose flows make room
	tbl.Note(100, 7, k, f)
	got := listAll(t, tbl, 103, 7, 64, 64)
	if len(got) != 1 || got[0].Key != k || got[0].Flow != f || got[0].Idle != 3 {
		t.Errorf("%+v", got)
	}
}

// TestListWhileChanging: a flow that stays is listed once, whatever comes and goes
// in between.
func TestListWhileChanging(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tbl := New(1024, 10)
	const stay = 64
	for i := range stay {
		tbl.Note(1, 1, number(i), Flow{In: 1})
	}
	seen := make(map[Key]int)
	l := make([]Listed, 5)
	for from := 0; from < tbl.Places(); {
		n, next := tbl.List(1, 1, from, from+20, l)
		for _, f := range l[:n] {
			seen[f.Key]++
		}
		from = next
		tbl.Note(1, 1, number(stay+r.IntN(1000)), Flow{In: 2})
		tbl.Note(1, 1, number(r.IntN(stay)), Flow{In: 1})
	}
	missing := 0
	for i := range stay {
		k := number(i)
		if _, ok := tbl.Find(1, 1, k); !ok {
			missing++ // it had to give way
		} else if seen[k] != 1 {
			t.Errorf("flow %d was listed %d times", i, seen[k])
		}
	}
	if missing > stay/4 {
		t.Errorf("%d of %d flows had to give way", missing, stay)
	}
}

func TestListAnywhere(t *testing.T) {
	tbl := New(16, 10)
	tbl.Note(1, 1, number(1), Flow{})
	l := make([]Listed, 4)
	for _, tt := range []struct{ from, to, n int }{{-5, 1 << 40, 1}, {0, 0, 0}, {1 << 40, 1 << 41, 0}, {5, 2, 0}, {0, 16, 1}} {
		if n, _ := tbl.List(1, 1, tt.from, tt.to, l); n != tt.n {
			t.Errorf("%d..%d: %d flows, want %d", tt.from, tt.to, n, tt.n)
		}
	}
	if n, next := tbl.List(1, 1, 0, 16, nil); n != 0 || next == 16 {
		t.Errorf("without room: %d flows, next %d", n, next)
	}
	if n := testing.AllocsPerRun(100, func() { tbl.List(1, 1, 0, 16, l) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkList(b *testing.B) {
	for _, full := range []string{"empty", "full"} {
		b.Run(full, func(b *testing.B) {
			tbl := New(1<<16, 120)
			for i := range 1 << 20 {
				if full == "full" {
					tbl.Note(1, 1, number(i), Flow{})
				}
			}
			l := make([]Listed, 512)
			from := 0
			for b.Loop() {
				if _, from = tbl.List(1, 1, from, from+512, l); from == tbl.Places() {
					from = 0
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/512, "ns/place")
		})
	}
}
