package engine

import "math/bits"

// table finds the rule of a subject and an object among those of one list.
//
// The slots of one subject lie together: those of subject s are
// slots[start[s]:start[s+1]], an open-addressing table of its objects with a
// third of them free. A lookup reads two neighbouring words of start, which stay
// in the cache, and then one slot, so that it costs one access to memory however
// many rules there are. It also gives all rules of a subject in one sweep.
type table struct {
	start []uint32 // by subject, one more than there are labels
	slots []slot
}

// slot is one rule of a subject, 8 bytes. A free slot is zero.
type slot struct {
	object uint32 // the Label above the rule's Access
	rule   int32  // index into the rules, plus 1
}

// accessBits is the width of an Access where a label or an index is packed
// above it. Labels have the remaining 25 bits.
const accessBits = 7

// maxLabels is what a slot can tell apart.
const maxLabels = 1 << (32 - accessBits)

// newTable compiles those of the rules that belong to a list.
func newTable(rules []rule, list LayerID, labels int) table {
	start := make([]uint32, labels+1)
	for i := range rules {
		if r := &rules[i]; r.list == list {
			start[r.subject]++
		}
	}
	var sum uint32
	for s, n := range start {
		start[s] = sum
		if n > 0 {
			sum += n + n/2 + 1
		}
	}
	t := table{start: start, slots: make([]slot, sum)}
	for i := range rules {
		r := &rules[i]
		if r.list != list {
			continue
		}
		lo, hi := start[r.subject], start[r.subject+1]
		n := place(r.object, lo, hi)
		for t.slots[n].rule != 0 {
			if n++; n == hi {
				n = lo
			}
		}
		t.slots[n] = slot{object: uint32(r.object)<<accessBits | uint32(r.access), rule: int32(i) + 1}
	}
	return t
}

// place returns the slot where the search for an object begins.
func place(o Label, lo, hi uint32) uint32 {
	// Labels are small and dense: a multiplication by the golden ratio spreads
	// them evenly, and the high half of a second one fits that to any size.
	n, _ := bits.Mul32(uint32(o)*0x9e3779b1, hi-lo)
	return lo + n
}

// find returns the index of the rule and its access, or -1. Subject and object
// are labels that the table was made for.
func (t *table) find(s, o Label) (int32, Access) {
	lo, hi := t.start[s], t.start[s+1]
	if lo == hi {
		return -1, 0
	}
	for n := place(o, lo, hi); ; {
		e := t.slots[n]
		if e.rule == 0 {
			return -1, 0
		}
		if Label(e.object>>accessBits) == o {
			return e.rule - 1, Access(e.object & (1<<accessBits - 1))
		}
		if n++; n == hi {
			n = lo
		}
	}
}

// of returns the slots of a subject, the free ones included.
func (t *table) of(s Label) []slot { return t.slots[t.start[s]:t.start[s+1]] }
