package flow

import (
	"encoding/binary"
	"math"
	"testing"
)

// TestSpread: keys that count up, as those of one busy host and of a port scan
// do, fall into sets as if by chance. Of n sets and n keys chance leaves n/e
// empty, give or take; a pattern leaves many more or none.
func TestSpread(t *testing.T) {
	const n = 8192
	tests := []struct {
		name string
		key  func(i uint32) Key
	}{
		{"source ports", func(i uint32) Key { return Key{Proto: 6, SrcPort: uint16(i), DstPort: 80} }},
		{"destination ports", func(i uint32) Key { return Key{Proto: 6, SrcPort: 80, DstPort: uint16(i)} }},
		{"sources", func(i uint32) (k Key) { binary.BigEndian.PutUint32(k.Src[:], 10<<24+i); return k }},
		{"destinations", func(i uint32) (k Key) { binary.BigEndian.PutUint32(k.Dst[:], 10<<24+i); return k }},
		{"networks", func(i uint32) (k Key) { binary.BigEndian.PutUint32(k.Src[:], i<<16); return k }},
		{"source and destination together", func(i uint32) (k Key) {
			binary.BigEndian.PutUint32(k.Src[:], i)
			binary.BigEndian.PutUint32(k.Dst[:], i)
			return k
		}},
		{"source up, port down", func(i uint32) (k Key) {
			binary.BigEndian.PutUint32(k.Src[:], i)
			k.SrcPort = uint16(-i)
			return k
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tbl := New(n*ways, 1)
			used := map[*set]bool{}
			for i := range uint32(n) {
				k := tt.key(i)
				used[tbl.set(k.words())] = true
			}
			empty, chance := float64(n-len(used)), n/math.E
			// The standard deviation is sqrt(n(e-2))/e, about 28.
			if math.Abs(empty-chance) > 10*28 {
				t.Errorf("%g of %d sets are empty, chance leaves %g", empty, n, chance)
			}
		})
	}
}

// TestSeeds: which keys meet in a set differs from table to table.
func TestSeeds(t *testing.T) {
	const keys = 4096
	a, b := New(keys, 1), New(keys, 1)
	same := 0
	for i := range keys {
		k := number(i)
		if a.index(k.words()) == b.index(k.words()) {
			same++
		}
	}
	if same > keys/16 {
		t.Errorf("%d of %d keys belong to the same set in two tables", same, keys)
	}
}

// index is the number of the set of a key.
func (t *Table) index(w words) int {
	s := t.set(w)
	for i := range t.sets {
		if s == &t.sets[i] {
			return i
		}
	}
	return -1
}
