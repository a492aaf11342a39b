package engine

// table finds the rule of a subject and an object among those of one layer. It
// is open addressing over indices into the rules, so that it costs eight bytes a
// rule and a lookup touches two cache lines however many rules there are.
type table struct {
	slots []int32 // index into the rules + 1, 0 is free; length is a power of two
	used  int
}

func hash(s, o Label) uint32 {
	h := (uint64(s)<<32 | uint64(o)) * 0x9e3779b97f4a7c15
	return uint32(h >> 32)
}

// find returns the index of the rule, or -1.
func (t *table) find(rules []rule, s, o Label) int32 {
	if len(t.slots) == 0 {
		return -1
	}
	mask := uint32(len(t.slots) - 1)
	for i := hash(s, o) & mask; ; i = (i + 1) & mask {
		n := t.slots[i] - 1
		if n < 0 {
			return -1
		}
		if r := &rules[n]; r.subject == s && r.object == o {
			return n
		}
	}
}

// add stores the index of a rule whose pair is not in the table.
func (t *table) add(rules []rule, n int32) {
	if t.used*3/2 >= len(t.slots) {
		t.grow(rules)
	}
	t.put(&rules[n], n)
	t.used++
}

func (t *table) put(r *rule, n int32) {
	mask := uint32(len(t.slots) - 1)
	i := hash(r.subject, r.object) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = n + 1
}

func (t *table) grow(rules []rule) {
	old := t.slots
	t.slots = make([]int32, max(16, 2*len(old)))
	for _, n := range old {
		if n != 0 {
			t.put(&rules[n-1], n-1)
		}
	}
}
