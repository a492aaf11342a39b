package fragment

import (
	"math/rand/v2"
	"testing"
)

// first is a first piece that waits for others.
var first = Piece{Length: 8, More: true, HeaderLen: 20}

// fill adds datagrams of a zone until one is refused, and returns how many there
// was room for.
func fill(tbl *Table, now uint32, zone uint8) (n int) {
	k := Key{Zone: zone}
	for i := range 1 << 20 {
		k.Src = [4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}
		switch tbl.Add(now, k, first) {
		case Full:
			return n
		case Fits:
			n++
		}
	}
	return -1
}

// TestShares: 400 datagrams, zones 1..3 and this machine, so a share is 50.
func TestShares(t *testing.T) {
	type took struct {
		zone uint8
		n    int
	}
	tests := []struct {
		name  string
		order []took
	}{
		{"one after another", []took{{1, 250}, {2, 50}, {3, 50}, {0, 50}}},
		{"the other way round", []took{{0, 250}, {3, 50}, {2, 50}, {1, 50}}},
		{"twice", []took{{2, 250}, {2, 0}, {1, 50}, {1, 0}, {0, 50}, {3, 50}}},
		{"without a share", []took{{9, 200}, {1, 50}, {255, 0}, {2, 50}, {3, 50}, {0, 50}}},
		{"without a share, too late", []took{{1, 250}, {9, 0}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tbl := New(400, 3)
			for i, step := range tt.order {
				if n := fill(tbl, 0, step.zone); n != step.n {
					t.Errorf("step %d: zone %d found room for %d, want %d", i, step.zone, n, step.n)
				}
			}
			// Afterwards all of it is there again.
			if n := fill(tbl, Lifetime+1, 2); n != 250 {
				t.Errorf("when all had expired, zone 2 found room for %d, want 250", n)
			}
		})
	}
}

// TestFlood: while zone 2 sends a million datagrams that never become whole, zone
// 1 has as many on the way as its share, and all of them become whole.
func TestFlood(t *testing.T) {
	const packets, zones = 1_000_000, 3
	tbl := New(4096, zones)
	share := tbl.m.share
	r := rand.New(rand.NewPCG(1, 2))
	flood := Key{Zone: 2}
	full := 0
	now := uint32(1<<32 - 300)
	for round := 0; round*share*4 < packets; round++ {
		now += uint32(round % 3)
		for part := range 4 {
			for i := range share {
				flood.ID, flood.Src[3], flood.Dst[3] = uint16(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())
				switch r.IntN(4) {
				case 0:
					tbl.Condemn(now, flood)
				case 1:
					tbl.Add(now, flood, Piece{Length: 7, More: true, HeaderLen: 20})
				default:
					if tbl.Add(now, flood, first) == Full {
						full++
					}
				}
				p := Piece{Offset: part * 1480, Length: 1480, More: part < 3, HeaderLen: 20, Labeled: true, Label: uint32(i)}
				if got := tbl.Add(now, Key{Src: [4]byte{10, 1, 0, 1}, Zone: 1, ID: uint16(i)}, p); got != Fits {
					t.Fatalf("round %d, piece %d of datagram %d of zone 1: %s", round, part, i, got)
				}
			}
		}
	}
	if full < packets/10 {
		t.Errorf("the flood was refused %d times only", full)
	}
}

// TestFloodExpires: a zone that took all it could has room again when that is old.
func TestFloodExpires(t *testing.T) {
	tbl := New(1000, 1)
	n := fill(tbl, 0, 1)
	for second := range uint32(1000) {
		want := Full
		if second%(Lifetime+1) == 0 {
			want = Fits
		}
		k := Key{Zone: 1, Dst: [4]byte{1, 2, byte(second >> 8), byte(second)}}
		if second == 0 {
			continue
		}
		if got := tbl.Add(second, k, first); got != want {
			t.Fatalf("second %d: %s, want %s", second, got, want)
		}
		if want == Fits {
			if again := fill(tbl, second, 1); again != n-1 {
				t.Fatalf("second %d: room for %d more, want %d", second, again, n-1)
			}
		}
	}
}

// TestCondemnedFull: Condemn says when it cannot remember.
func TestCondemnedFull(t *testing.T) {
	tbl := New(16, 0)
	if n := fill(tbl, 0, 0); n != 16 {
		t.Fatal(n)
	}
	other := Key{Proto: 1}
	if tbl.Condemn(0, other) {
		t.Error("condemned in a full table")
	}
	if !tbl.Condemn(0, Key{Src: [4]byte{10}}) {
		t.Error("what is in a full table is not condemned")
	}
	if !tbl.Condemn(Lifetime+1, other) {
		t.Error("not condemned though all is expired")
	}
}
