package netlabel

import (
	"math/bits"

	"labelgate/cipso"
	"labelgate/engine"
)

// labelMap finds the label that has a level and categories in one domain of
// interpretation. Explicit mappings and directly encoded names live in the same
// space, as in Smack: what is compared is the level and the set, never how a
// packet spelled them.
//
// It is an open-addressing table whose keys lie in one arena of ranges, so that
// a set of a hundred categories costs what it needs and a lookup follows no
// pointers. It never grows after Compile: what strangers send leaves no trace.
type labelMap struct {
	slots  []labelSlot // length is a power of two
	ranges []cipso.Range
	used   int
}

type labelSlot struct {
	hash  uint32
	label engine.Label // engine.Unknown marks a free slot
	from  uint32       // first range in the arena
	n     uint16
	level uint8
}

func newLabelMap(labels int) *labelMap {
	size := 1 << bits.Len(uint(labels*2+8))
	return &labelMap{slots: make([]labelSlot, size)}
}

// lookup returns the label, or engine.Unknown.
func (m *labelMap) lookup(key *cipso.Label) engine.Label {
	if s := m.find(key, uint32(key.Hash())); s != nil {
		return s.label
	}
	return engine.Unknown
}

func (m *labelMap) find(key *cipso.Label, hash uint32) *labelSlot {
	mask := uint32(len(m.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &m.slots[i]
		if s.label == engine.Unknown {
			return nil
		}
		if s.hash == hash && s.level == key.Level && m.sameRanges(s, key.Categories.Ranges()) {
			return s
		}
	}
}

func (m *labelMap) sameRanges(s *labelSlot, ranges []cipso.Range) bool {
	if int(s.n) != len(ranges) {
		return false
	}
	mine := m.ranges[s.from : s.from+uint32(s.n)]
	for i, r := range ranges {
		if mine[i] != r {
			return false
		}
	}
	return true
}

// insert adds a label. When another one has the same key it returns that label
// and changes nothing. Compile only.
func (m *labelMap) insert(key *cipso.Label, l engine.Label) (earlier engine.Label) {
	hash := uint32(key.Hash())
	if s := m.find(key, hash); s != nil {
		return s.label
	}
	ranges := key.Categories.Ranges()
	slot := labelSlot{hash: hash, label: l, from: uint32(len(m.ranges)), n: uint16(len(ranges)), level: key.Level}
	m.ranges = append(m.ranges, ranges...)
	mask := uint32(len(m.slots) - 1)
	i := hash & mask
	for m.slots[i].label != engine.Unknown {
		i = (i + 1) & mask
	}
	m.slots[i] = slot
	m.used++
	return engine.Unknown
}

// replace gives the key of an inserted label to another. Compile only.
func (m *labelMap) replace(key *cipso.Label, l engine.Label) {
	if s := m.find(key, uint32(key.Hash())); s != nil {
		s.label = l
	}
}
