package fragment

import (
	"math/rand/v2"
	"testing"
)

// twin is the table as anybody would write it: a byte array for each datagram in
// a map, everything counted anew each time.
type twin struct {
	datagrams, zones, share int
	all                     map[Key]*whole
	done                    map[Key]whose // those that became whole
}

// whose is the label of a datagram, and the second in which it became whole.
type whose struct {
	label   uint32
	labeled bool
	when    uint32
}

// whole is a datagram of which each byte is marked when it was seen.
type whole struct {
	bytes     [maxLen + 1]bool
	top       int // no byte from here on is marked
	end       int // -1 until known
	header    int
	label     uint32
	labeled   bool
	condemned bool
	passed    uint32 // second
}

func (w *twin) expire(now uint32) {
	for k, d := range w.all {
		if int32(now-d.passed) > Lifetime {
			delete(w.all, k)
		}
	}
}

// entry returns a datagram, a new one if there is room for it, or nil.
func (w *twin) entry(now uint32, k Key) *whole {
	w.expire(now)
	if d := w.all[k]; d != nil {
		return d
	}
	held := map[int]int{}
	for k := range w.all {
		held[int(k.Zone)]++
	}
	left := 0 // of the shares of all others
	for z := range w.zones + 1 {
		if z != int(k.Zone) {
			left += max(0, w.share-held[z])
		}
	}
	own := int(k.Zone) <= w.zones && held[int(k.Zone)] < w.share
	if free := w.datagrams - len(w.all); !own && free-1 < left {
		return nil
	}
	d := &whole{end: -1, passed: now}
	w.all[k] = d
	return d
}

func (w *twin) condemn(now uint32, k Key) bool {
	d := w.entry(now, k)
	if d != nil {
		d.condemned = true
	}
	return d != nil
}

func (w *twin) add(now uint32, k Key, p Piece) Result {
	d := w.entry(now, k)
	if d == nil {
		return Full
	}
	if d.condemned {
		return Condemned
	}
	if o, ok := w.done[k]; ok && d.top == 0 && int32(now-o.when) <= Lifetime && (o.label != p.Label || o.labeled != p.Labeled) {
		d.condemned = true
		return LabelMismatch
	}
	r := d.judge(p)
	d.condemned = r != Fits && r != Duplicate
	if r == Fits {
		d.passed = now
		if d.end >= 0 && d.runs() == 1 && d.bytes[0] && d.top == d.end {
			w.done[k] = whose{d.label, d.labeled, now}
			delete(w.all, k)
		}
	}
	return r
}

func (d *whole) runs() (n int) {
	for i := range d.top {
		if d.bytes[i] && !d.bytes[i+1] {
			n++
		}
	}
	return n
}

func (d *whole) judge(p Piece) Result {
	if d.top > 0 && (p.Labeled != d.labeled || p.Label != d.label) {
		return LabelMismatch
	}
	if p.Length == 0 || p.More && p.Length%8 != 0 {
		return Misaligned
	}
	from, to := p.Offset, p.Offset+p.Length
	header := max(d.header, p.HeaderLen)
	if to+header > maxLen || d.top+header > maxLen {
		return TooLong
	}
	if d.end >= 0 {
		if p.More && to >= d.end || !p.More && to != d.end {
			return TooLong
		}
	} else if !p.More && d.top >= to {
		return TooLong
	}
	seen := 0
	for i := from; i < to; i++ {
		if d.bytes[i] {
			seen++
		}
	}
	switch seen {
	case p.Length:
		return Duplicate
	case 0:
	default:
		return Overlap
	}
	top := d.top
	for i := from; i < to; i++ {
		d.bytes[i] = true
	}
	d.top = max(d.top, to)
	if d.runs() > maxRanges {
		for i := from; i < to; i++ {
			d.bytes[i] = false
		}
		d.top = top
		return Scattered
	}
	d.header, d.label, d.labeled = header, p.Label, p.Labeled
	if !p.More {
		d.end = to
	}
	return Fits
}

// receiver puts together what passed, as a host does that gives up Lifetime after
// what it saw first of a datagram, believes the first label it saw, and is
// indifferent to everything else.
type receiver map[Key]*received

type received struct {
	since   uint32
	label   uint32
	labeled bool
	bytes   int // received; there are no duplicates
	end     int // -1 until known
}

// get takes a piece that passed. It reports what must never be.
func (r receiver) get(now uint32, k Key, p Piece) (wrong string) {
	d := r[k]
	if d == nil || now-d.since > Lifetime {
		d = &received{since: now, label: p.Label, labeled: p.Labeled, end: -1}
		r[k] = d
	}
	if d.label != p.Label || d.labeled != p.Labeled {
		wrong = "a receiver was given two labels for one datagram"
	}
	d.bytes += p.Length
	if !p.More {
		d.end = p.Offset + p.Length
	}
	if d.bytes == d.end {
		delete(r, k)
	}
	return wrong
}

// compare plays a stream of pieces to a table, its twin and a receiver.
func compare(t *testing.T, next func() (byte, bool)) (seen [results]int) {
	const datagrams, zones = 64, 2
	tbl, w, r := New(datagrams, zones), twin{datagrams, zones, minShare, map[Key]*whole{}, map[Key]whose{}}, receiver{}
	now := uint32(1<<32 - 500)
	for step := 0; ; step++ {
		var op [5]byte
		for i := range op {
			b, ok := next()
			if !ok {
				return seen
			}
			op[i] = b
		}
		switch op[0] >> 4 {
		case 14:
			now++
		case 15:
			if op[1]&0x38 == 0 {
				now += uint32(op[4] / 2)
			}
		}
		k := Key{Proto: 17, Zone: op[0] & 3, ID: uint16(op[1] & 7)}
		if op[1]>>6 == 3 {
			k.ID = uint16(op[4]) // one of many
		}
		if k.ID == 0 {
			k.Zone = 1
		}
		if op[0]&12 == 12 && op[3] < 4 {
			if got, want := tbl.Condemn(now, k), w.condemn(now, k); got != want {
				t.Fatalf("step %d: Condemn %v, twin %v", step, got, want)
			}
			continue
		}
		p := Piece{Offset: int(op[2]&31) * 8, Length: int(op[2]>>5+1) * 8, More: true, HeaderLen: 20 + 4*int(op[4]&1)}
		if k.ID == 0 { // many ranges
			p.Offset, p.Length = int(op[2])*8, 8
			op[3] |= 16
		}
		switch op[3] & 31 {
		case 0, 1:
			p.More, p.Length = false, p.Length-int(op[4]>>5)
		case 2:
			p.Length -= int(op[4] >> 4)
			p.Length = max(p.Length, 0)
		case 3:
			p.Labeled, p.Label = true, uint32(op[4]&2)
		case 4:
			p.Offset *= 264
		}
		p.Told = p.Label ^ 5
		got, want := tbl.Add(now, k, p), w.add(now, k, p)
		if got != want {
			t.Fatalf("step %d: %+v of %+v at %d: %s, twin %s", step, p, k, now, got, want)
		}
		seen[got]++
		if got == Fits {
			if wrong := r.get(now, k, p); wrong != "" {
				t.Fatalf("step %d: %+v of %+v at %d: %s", step, p, k, now, wrong)
			}
		}
		if n, want := tbl.sum(), len(w.all); n < want {
			t.Fatalf("step %d: %d datagrams are held, twin %d", step, n, want)
		}
		if op[4]&63 == 63 {
			w.compareList(t, tbl, now, int(op[2]&3))
		}
		if tbl.m.free < tbl.m.claimed {
			t.Fatalf("step %d: room for %d, of which %d is claimed", step, tbl.m.free, tbl.m.claimed)
		}
	}
}

// sum is the number of datagrams by their zones.
func (t *Table) sum() (n int) {
	for _, held := range t.m.held {
		n += held
	}
	return n
}

func TestTwin(t *testing.T) {
	var all [results]int
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 10))
		left := 5 * 3000
		seen := compare(t, func() (byte, bool) {
			left--
			return byte(r.Uint32()), left >= 0
		})
		for i, n := range seen {
			all[i] += n
		}
	}
	for r, n := range all {
		if t.Logf("%s %d", Result(r), n); n < 50 {
			t.Errorf("only %d pieces were %s", n, Result(r))
		}
	}
}

// TestShuffled: pieces of whole datagrams in any order, some of them twice.
func TestShuffled(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	scattered := 0
	for range 3000 {
		var pieces []Piece
		for at, n := 0, 1+r.IntN(80); n > 0; n-- {
			p := Piece{Offset: at, Length: 8 * (1 + r.IntN(20)), More: n > 1, HeaderLen: 20}
			if !p.More {
				p.Length -= r.IntN(8)
			}
			at += p.Length
			pieces = append(pieces, p)
			if r.IntN(8) == 0 {
				pieces = append(pieces, p)
			}
		}
		r.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
		tbl, w := New(16, 1), twin{32, 1, minShare, map[Key]*whole{}, map[Key]whose{}}
		passed := map[int]bool{}
		var last Result
		for _, p := range pieces {
			got, want := tbl.Add(0, Key{}, p), w.add(0, Key{}, p)
			if got != want {
				t.Fatalf("%+v of %+v: %s, twin %s", p, pieces, got, want)
			}
			if got == Fits {
				if passed[p.Offset] {
					t.Fatalf("%+v passed twice", p)
				}
				passed[p.Offset] = true
			}
			if len(w.all) == 0 {
				clear(passed) // a duplicate may come late
			}
			if last = got; got == Scattered {
				scattered++
				break
			}
		}
		if last != Scattered && tbl.held() != len(w.all) {
			t.Fatalf("%+v: %d held, twin %d", pieces, tbl.held(), len(w.all))
		}
	}
	if scattered == 0 {
		t.Error("no datagram was ever scattered")
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
