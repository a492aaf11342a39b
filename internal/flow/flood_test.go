package flow

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// stranger is a random key of a flood. Protocol 255 keeps it apart from the
// flows that are watched.
func stranger(r *rand.Rand) Key {
	k := Key{Proto: 255, SrcPort: uint16(r.Uint32()), DstPort: uint16(r.Uint32())}
	for i := range 4 {
		k.Src[i], k.Dst[i] = byte(r.Uint32()), byte(r.Uint32())
	}
	return k
}

// fill returns keys until every set of an empty table has n of them.
func fill(t *Table, n int) []Key {
	var keys []Key
	count := map[*set]int{}
	for i := 0; len(keys) < n*len(t.sets); i++ {
		k := number(i)
		if s := t.set(k.words()); count[s] < n {
			count[s]++
			keys = append(keys, k)
		}
	}
	return keys
}

// TestFlood: of zone 1 as many flows in each set as Note promises outlive floods
// from other zones, although nothing is seen of them meanwhile.
func TestFlood(t *testing.T) {
	for _, tt := range []struct {
		name   string
		floods int // zones 2 and on
		flows  int // of zone 1 in each set
	}{
		{"one zone", 1, 4},
		{"two zones", 2, 2},
		{"three zones", 3, 2},
		{"four zones", 4, 1},
		{"seven zones", 7, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const packets = 1_000_000
			tbl := New(4096, 300)
			keys := fill(tbl, tt.flows)
			for i, k := range keys {
				tbl.Note(0, 1, k, Flow{Label: uint32(i), In: 1})
			}
			r := rand.New(rand.NewPCG(1, 2))
			now := uint32(0)
			for i := range packets {
				now = uint32(i * 300 / packets)
				zone := uint8(2 + i%tt.floods)
				if r.IntN(2) == 0 {
					tbl.Note(now, 1, stranger(r), Flow{In: zone})
				} else {
					tbl.Pin(now, 1, stranger(r), Flow{In: zone})
				}
			}
			for i, k := range keys {
				if f, ok := tbl.Find(now, 1, k); !ok || f.Label != uint32(i) {
					t.Fatalf("flow %d of %d: %+v, %v", i, len(keys), f, ok)
				}
			}
		})
	}
}

// TestFloodOfBusyFlows: flows of zone 1 that are noted every thousand packets of
// a flood, wherever they fall. A set in which more than 4 meet holds 4 of them.
func TestFloodOfBusyFlows(t *testing.T) {
	const packets, every, flows = 1_000_000, 1000, 1000
	tbl := New(4096, 300)
	inSet := map[*set]int{}
	for i := range flows {
		k := number(i)
		inSet[tbl.set(k.words())]++
	}
	want := 0
	for _, n := range inSet {
		want += min(n, ways/2)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for i := range packets {
		if i%every == 0 {
			for j := range flows {
				tbl.Note(uint32(i/every), 1, number(j), Flow{In: 1})
			}
		}
		tbl.Note(uint32(i/every), 1, stranger(r), Flow{In: 2})
	}
	found := 0
	for i := range flows {
		if _, ok := tbl.Find(packets/every, 1, number(i)); ok {
			found++
		}
	}
	if found != want {
		t.Errorf("%d of %d flows are known, want %d", found, flows, want)
	}
}

// TestAloneAZoneHasAll: the other half of a set is not kept for nobody.
func TestAloneAZoneHasAll(t *testing.T) {
	tbl := New(1024, 300)
	keys := fill(tbl, ways)
	for _, k := range keys {
		tbl.Note(1, 1, k, Flow{In: 1})
	}
	for i, k := range keys {
		if _, ok := tbl.Find(1, 1, k); !ok {
			t.Fatalf("flow %d of %d is forgotten", i, len(keys))
		}
	}
}

// TestWhoGivesWay: one set, flows noted one second after another.
func TestWhoGivesWay(t *testing.T) {
	tests := []struct {
		name  string
		zones string // of the flows in the set, the one silent for longest first
		zone  byte   // of the one that comes
		at    uint32 // when it comes; flow i was noted in second i
		old   int    // so many of the first flows are of another policy
		gone  int    // the flow that gives way, -1 for none
	}{
		{name: "room", zones: "1111111", zone: '2', at: 8, gone: -1},
		{name: "of one zone", zones: "11111111", zone: '1', at: 8, gone: 0},
		{name: "the first of a second zone", zones: "11111111", zone: '2', at: 8, gone: 0},
		{name: "of the larger zone", zones: "22111111", zone: '2', at: 8, gone: 2},
		{name: "the larger zone's own", zones: "22111111", zone: '1', at: 8, gone: 2},
		{name: "at three of eight", zones: "11111222", zone: '2', at: 8, gone: 0},
		{name: "at half", zones: "11112222", zone: '2', at: 8, gone: 4},
		{name: "at half, the other", zones: "11112222", zone: '1', at: 8, gone: 0},
		{name: "a third zone takes from who has most", zones: "22211111", zone: '3', at: 8, gone: 3},
		{name: "a third zone takes from the two that have most", zones: "12121212", zone: '3', at: 8, gone: 0},
		{name: "three zones, the third at its part", zones: "11122233", zone: '3', at: 8, gone: 6},
		{name: "an eighth zone", zones: "12345677", zone: '8', at: 8, gone: 6},
		{name: "a ninth zone", zones: "12345678", zone: '9', at: 8, gone: 0},
		{name: "nine zones, one of those that are in", zones: "12345678", zone: '5', at: 8, gone: 4},
		{name: "an idle one before its own", zones: "11112222", zone: '2', at: 21, gone: 0},
		{name: "the longest idle one", zones: "21111222", zone: '1', at: 23, gone: 0},
		{name: "of another policy", zones: "11112222", zone: '2', at: 8, old: 1, gone: 0},
		{name: "this machine is a zone", zones: "00001111", zone: '1', at: 8, gone: 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const start = 1<<32 - 4 // wraps among them
			tbl := New(ways, 20)
			for i, z := range tt.zones {
				tbl.Note(start+uint32(i), 1, number(i), Flow{In: uint8(z - '0')})
			}
			for i := range tt.old {
				k := number(i)
				tbl.sets[0].find(k.words()).generation = 0
			}
			tbl.Note(start+tt.at, 1, number(99), Flow{In: tt.zone - '0'})
			gone := ""
			for i := range tt.zones {
				k := number(i)
				if tbl.sets[0].find(k.words()) == nil {
					gone += fmt.Sprint(i)
				}
			}
			want := ""
			if tt.gone >= 0 {
				want = fmt.Sprint(tt.gone)
			}
			if gone != want {
				t.Errorf("flow %q gave way, want %q", gone, want)
			}
		})
	}
}

// TestIdleBeforeLive: another policy's flow goes first, then one that is idle.
func TestIdleBeforeLive(t *testing.T) {
	tbl := New(ways, 10)
	for i := range ways {
		tbl.Note(uint32(i), 1, number(i), Flow{In: 1})
	}
	k0, k1 := number(0), number(1)
	tbl.sets[0].find(k1.words()).generation = 0
	tbl.Note(11, 1, number(100), Flow{In: 1})
	if tbl.sets[0].find(k1.words()) != nil || tbl.sets[0].find(k0.words()) == nil {
		t.Error("the flow of another policy did not go first")
	}
	tbl.Note(11, 1, number(101), Flow{In: 1})
	if tbl.sets[0].find(k0.words()) != nil {
		t.Error("the idle flow did not go next")
	}
	for i := 2; i < ways; i++ {
		if _, ok := tbl.Find(11, 1, number(i)); !ok {
			t.Errorf("flow %d is forgotten", i)
		}
	}
}
