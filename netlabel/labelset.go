package netlabel

import "labelgate/engine"

// labelSet is a set of labels as a bitmap over label indices. The nil set stands
// for "no restriction" and contains every label.
type labelSet []uint64

func newLabelSet(labels []engine.Label) labelSet {
	if len(labels) == 0 {
		return nil
	}
	var set labelSet
	for _, l := range labels {
		for len(set) <= int(l/64) {
			set = append(set, 0)
		}
		set[l/64] |= 1 << (l % 64)
	}
	return set
}

func (s labelSet) contains(l engine.Label) bool {
	if s == nil {
		return true
	}
	return int(l/64) < len(s) && s[l/64]&(1<<(l%64)) != 0
}
