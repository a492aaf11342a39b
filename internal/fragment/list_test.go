package fragment

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// compareList holds what a table lists, in pieces of several sizes, against its twin.
func (w *twin) compareList(t *testing.T, tbl *Table, now uint32, size int) {
	t.Helper()
	want := make(map[Key]Listed)
	for k, d := range w.all {
		if int32(now-d.passed) > Lifetime {
			continue
		}
		l := Listed{Key: k, Condemned: d.condemned, Idle: now - d.passed}
		if d.top > 0 {
			l.Label, l.Told, l.Labeled, l.Length = d.label, d.label^5, d.labeled, max(d.end, 0)
			for _, marked := range d.bytes[:d.top] {
				if marked {
					l.Seen++
				}
			}
		}
		want[k] = l
	}
	place := 0
	for _, got := range listAll(t, tbl, now, 1+size*size*7, 1+size*3) {
		if got.Place <= place {
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

// listAll lists a table in steps of so many places and so many datagrams.
func listAll(t *testing.T, tbl *Table, now uint32, places, room int) (all []Listed) {
	l := make([]Listed, room)
	for from := 0; from < tbl.Places(); {
		n, next := tbl.List(now, from, from+places, l)
		if next <= from || next > max(from+places, 1) {
			t.Fatalf("%d datagrams from place %d, next %d", n, from, next)
		}
		all, from = append(all, l[:n]...), next
	}
	return all
}

// TestList: what is listed of a few datagrams.
func TestList(t *testing.T) {
	const now = 1000
	tbl := New(64, 2)
	k := func(id uint16) Key {
		return Key{Src: [4]byte{10, 1, 0, 7}, Dst: [4]byte{10, 2, 0, 9}, Proto: 17, ID: id, Zone: 2}
	}
	tbl.Add(now, k(1), Piece{Length: 1480, More: true, HeaderLen: 20, Labeled: true, Label: 77, Told: 9})
	tbl.Add(now+1, k(1), Piece{Offset: 2960, Length: 40, HeaderLen: 20, Labeled: true, Label: 77, Told: 9})
	tbl.Add(now+1, k(2), Piece{Length: 8, More: true, HeaderLen: 20})
	tbl.Add(now+1, k(2), Piece{Offset: 8, Length: 8, More: true, HeaderLen: 20, Labeled: true})
	tbl.Condemn(now+2, k(3))
	tbl.Add(now+2, k(4), Piece{Length: 8, More: true, HeaderLen: 20}) // becomes whole
	tbl.Add(now+2, k(4), Piece{Offset: 8, Length: 8, HeaderLen: 20})
	tbl.Add(now-Lifetime, k(5), Piece{Length: 8, More: true, HeaderLen: 20}) // too old
	got := listAll(t, tbl, now+2, 1000, 1000)
	slices.SortFunc(got, func(a, b Listed) int { return cmp.Compare(a.ID, b.ID) })
	want := []Listed{
		{Key: k(1), Label: 77, Told: 9, Labeled: true, Seen: 1520, Length: 3000, Idle: 1},
		{Key: k(2), Condemned: true, Seen: 8, Idle: 1},
		{Key: k(3), Condemned: true},
	}
	for i := range got {
		got[i].Place = 0
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestListWhileChanging: a datagram that stays is listed once, whatever comes and
// goes in between.
func TestListWhileChanging(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tbl := New(256, 1)
	piece := Piece{Length: 8, More: true, HeaderLen: 20}
	for id := range uint16(40) {
		tbl.Add(1, Key{ID: id}, piece)
	}
	seen := make(map[Key]int)
	l := make([]Listed, 3)
	for from := 0; from < tbl.Places(); {
		n, next := tbl.List(1, from, from+10, l)
		for _, d := range l[:n] {
			seen[d.Key]++
		}
		from = next
		other := Key{ID: 1000 + uint16(r.IntN(100)), Zone: 1}
		tbl.Add(1, other, piece)
		tbl.Add(1, other, Piece{Offset: 8, Length: 8, HeaderLen: 20})
		tbl.Add(1, Key{ID: 2000 + uint16(r.IntN(100)), Zone: 1}, piece)
		tbl.m.renew(tbl.m.find(Key{ID: uint16(r.IntN(40))}.packed()), 1)
	}
	for id := range uint16(40) {
		if n := seen[Key{ID: id}]; n != 1 {
			t.Errorf("datagram %d was listed %d times", id, n)
		}
	}
}

func (k Key) packed() (uint64, uint32) { return k.words() }

func TestListAnywhere(t *testing.T) {
	tbl := New(16, 1)
	tbl.Add(1, Key{}, Piece{Length: 8, More: true, HeaderLen: 20})
	l := make([]Listed, 4)
	for _, tt := range []struct{ from, to, n int }{{-5, 1 << 40, 1}, {0, 0, 0}, {1 << 40, 1 << 41, 0}, {5, 2, 0}, {0, tbl.Places(), 1}} {
		if n, _ := tbl.List(1, tt.from, tt.to, l); n != tt.n {
			t.Errorf("%d..%d: %d datagrams, want %d", tt.from, tt.to, n, tt.n)
		}
	}
	if n, next := tbl.List(1, 0, tbl.Places(), nil); n != 0 || next != 1 {
		t.Errorf("without room: %d datagrams, next %d", n, next)
	}
	if n := testing.AllocsPerRun(100, func() { tbl.List(1, 0, tbl.Places(), l) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
