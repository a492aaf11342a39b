package flow

import (
	"math"
	"reflect"
	"testing"
)

// number makes a key of a number.
func number(i int) Key {
	return Key{Src: [4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}, Dst: [4]byte{192, 0, 2, 1}, Proto: 17, SrcPort: 4000, DstPort: 53}
}

func TestFind(t *testing.T) {
	const idle = 300
	k := Key{Src: [4]byte{10, 1, 0, 1}, Dst: [4]byte{10, 2, 0, 2}, Proto: 6, SrcPort: 40000, DstPort: 443}
	noted := Flow{Label: 7, Labeled: true, Grew: -12, In: 1, Out: 2}
	with := func(change func(k *Key)) Key {
		other := k
		change(&other)
		return other
	}
	const dawn, eve = 1000, math.MaxUint32 - 100 // the clock wraps 101 seconds after eve
	tests := []struct {
		name                    string
		noted, asked            uint32 // seconds
		notedUnder, askedUnder  uint32 // generations
		key                     Key
		found                   bool
		notedAgain, askedLately uint32 // 0: neither
	}{
		{name: "at once", noted: dawn, asked: dawn, key: k, found: true},
		{name: "just in time", noted: dawn, asked: dawn + idle, key: k, found: true},
		{name: "too late", noted: dawn, asked: dawn + idle + 1, key: k},
		{name: "noted again", noted: dawn, notedAgain: dawn + idle, asked: dawn + 2*idle, key: k, found: true},
		{name: "asked for meanwhile", noted: dawn, askedLately: dawn + idle, asked: dawn + idle + 1, key: k},
		{name: "over the wrap of the clock", noted: eve, asked: 0, key: k, found: true},
		{name: "just in time over the wrap", noted: eve, asked: idle - 101, key: k, found: true},
		{name: "too late over the wrap", noted: eve, asked: idle - 100, key: k},
		{name: "second zero", noted: 0, asked: 0, key: k, found: true},
		{name: "half the clock later", noted: dawn, asked: dawn + 1<<31, key: k},
		{name: "newer policy", noted: dawn, asked: dawn, askedUnder: 1, key: k},
		{name: "older policy", noted: dawn, asked: dawn, notedUnder: 1, key: k},
		{name: "same policy", noted: dawn, asked: dawn, notedUnder: 9, askedUnder: 9, key: k, found: true},
		{name: "policies wrap", noted: dawn, asked: dawn, notedUnder: math.MaxUint32, key: k},
		{name: "another source", noted: dawn, asked: dawn, key: with(func(k *Key) { k.Src[3]++ })},
		{name: "another destination", noted: dawn, asked: dawn, key: with(func(k *Key) { k.Dst[0]++ })},
		{name: "the way back", noted: dawn, asked: dawn, key: with(func(k *Key) { k.Src, k.Dst, k.SrcPort, k.DstPort = k.Dst, k.Src, k.DstPort, k.SrcPort })},
		{name: "addresses exchanged", noted: dawn, asked: dawn, key: with(func(k *Key) { k.Src, k.Dst = k.Dst, k.Src })},
		{name: "ports exchanged", noted: dawn, asked: dawn, key: with(func(k *Key) { k.SrcPort, k.DstPort = k.DstPort, k.SrcPort })},
		{name: "another protocol", noted: dawn, asked: dawn, key: with(func(k *Key) { k.Proto = 17 })},
		{name: "another source port", noted: dawn, asked: dawn, key: with(func(k *Key) { k.SrcPort++ })},
		{name: "another destination port", noted: dawn, asked: dawn, key: with(func(k *Key) { k.DstPort++ })},
		{name: "the empty key", noted: dawn, asked: dawn, key: Key{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tbl := New(64, idle)
			if _, ok := tbl.Find(tt.noted, tt.notedUnder, k); ok {
				t.Fatal("found before it was noted")
			}
			tbl.Note(tt.noted, tt.notedUnder, k, noted)
			if tt.notedAgain != 0 {
				tbl.Note(tt.notedAgain, tt.notedUnder, k, noted)
			}
			if tt.askedLately != 0 {
				tbl.Find(tt.askedLately, tt.notedUnder, k)
			}
			f, ok := tbl.Find(tt.asked, tt.askedUnder, tt.key)
			if ok != tt.found {
				t.Errorf("found is %v, want %v", ok, tt.found)
			}
			if want := noted; ok && f != want || !ok && f != (Flow{}) {
				t.Errorf("%+v", f)
			}
		})
	}
}

// TestKeysOfNothing: what has no ports is a flow all the same.
func TestKeysOfNothing(t *testing.T) {
	tbl := New(8, 10)
	if _, ok := tbl.Find(0, 0, Key{}); ok {
		t.Error("an empty table holds the empty key")
	}
	tbl.Note(0, 0, Key{}, Flow{Label: 3})
	if f, ok := tbl.Find(0, 0, Key{}); !ok || f.Label != 3 {
		t.Errorf("the empty key: %+v, %v", f, ok)
	}
}

// TestNoteReplaces: what was seen last holds, and takes no second way.
func TestNoteReplaces(t *testing.T) {
	tbl := New(8, 10)
	tbl.Note(1, 1, number(1), Flow{Label: 1, In: 1})
	for i := range 40 {
		want := Flow{Label: uint32(i), Labeled: i%2 == 0, Grew: int8(i - 20), In: uint8(i % 5), Out: uint8(i)}
		tbl.Note(uint32(i), uint32(i/10), number(1), want)
		if f, ok := tbl.Find(uint32(i), uint32(i/10), number(1)); !ok || f != want {
			t.Fatalf("%+v, %v, want %+v", f, ok, want)
		}
	}
	used := 0
	for _, e := range tbl.sets[0] {
		if e.key.ports != 0 {
			used++
		}
	}
	if used != 1 {
		t.Errorf("one flow takes %d ways", used)
	}
}

func TestPin(t *testing.T) {
	const idle = 60
	first := Flow{Label: 5, Labeled: true, Grew: 8, In: 1, Out: 2}
	tests := []struct {
		name       string
		at         uint32 // seconds after the first packet
		generation uint32
		f          Flow
		ok         bool
	}{
		{"the same", 1, 0, first, true},
		{"another label", 1, 0, Flow{Label: 6, Labeled: true, Grew: 8, In: 1, Out: 2}, false},
		{"no option any more", 1, 0, Flow{Label: 5, Grew: 8, In: 1, Out: 2}, false},
		{"another label at the last moment", idle, 0, Flow{Label: 6, Labeled: true}, false},
		{"another label after a silence", idle + 1, 0, Flow{Label: 6, Labeled: true}, true},
		{"another label under another policy", 1, 1, Flow{Label: 6}, true},
		{"another way through", 1, 0, Flow{Label: 5, Labeled: true, Grew: -8, In: 1, Out: 3}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := uint32(math.MaxUint32 - 30)
			tbl := New(64, idle)
			k := number(1)
			if !tbl.Pin(start, 0, k, first) {
				t.Fatal("an unknown flow is refused")
			}
			now := start + tt.at
			if got := tbl.Pin(now, tt.generation, k, tt.f); got != tt.ok {
				t.Fatalf("%v, want %v", got, tt.ok)
			}
			want, until := tt.f, now+idle
			if !tt.ok {
				want, until = first, start+idle // not refreshed
			}
			if f, ok := tbl.Find(until, tt.generation, k); !ok || f != want {
				t.Errorf("then %+v, %v, want %+v", f, ok, want)
			}
			if _, ok := tbl.Find(until+1, tt.generation, k); ok {
				t.Error("lives too long")
			}
		})
	}
}

func TestSize(t *testing.T) {
	if n := reflect.TypeFor[entry]().Size(); n != 32 {
		t.Errorf("a flow takes %d bytes, its comment says 32", n)
	}
	for _, tt := range []struct{ size, sets int }{
		{-1, 1}, {0, 1}, {1, 1}, {8, 1}, {9, 2}, {16, 2}, {17, 4}, {32, 4}, {33, 8}, {65536, 8192}, {65537, 16384},
	} {
		if n := len(New(tt.size, 1).sets); n != tt.sets {
			t.Errorf("New(%d) has %d sets, want %d", tt.size, n, tt.sets)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	tbl := New(64, 10)
	i := 0
	tests := []struct {
		name string
		f    func()
	}{
		{"Note known", func() { tbl.Note(1, 1, number(0), Flow{}) }},
		{"Note new", func() { i++; tbl.Note(1, 1, number(i), Flow{In: uint8(i % 3)}) }},
		{"Find known", func() { tbl.Find(1, 1, number(0)) }},
		{"Find unknown", func() { tbl.Find(1, 2, number(-1)) }},
		{"Pin", func() { tbl.Pin(1, 1, number(0), Flow{}) }},
		{"Pin mismatch", func() { tbl.Pin(1, 1, number(0), Flow{Label: 1}) }},
		{"Pin new", func() { i++; tbl.Pin(1, 1, number(i), Flow{In: uint8(i % 3)}) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(1000, tt.f); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
