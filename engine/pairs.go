package engine

// pairs finds, while rules are being collected, the one that a subject and an
// object already have. Each subject has a table of its own, for rules are written
// in blocks of one subject: what a line touches is then in the cache, however
// many rules there are in all.
type pairs struct {
	subjects []objects
	used     int // rules
}

// objects is an open-addressing table of the objects that a subject has rules
// for.
type objects struct {
	slots []uint64 // the object above the index of the rule plus 1; 0 is free; the length is a power of two
	used  int
}

// find returns the index of the rule, or -1.
func (p *pairs) find(s, o Label) int32 {
	if int(s) >= len(p.subjects) {
		return -1
	}
	t := &p.subjects[s]
	if t.used == 0 {
		return -1
	}
	e := t.slots[t.place(o)]
	return int32(uint32(e)) - 1
}

// add stores the index of a rule whose pair is not there yet.
func (p *pairs) add(s, o Label, n int32) {
	for int(s) >= len(p.subjects) {
		p.subjects = append(p.subjects, objects{})
	}
	t := &p.subjects[s]
	if t.used*3/2 >= len(t.slots) {
		t.grow()
	}
	t.slots[t.place(o)] = uint64(o)<<32 | uint64(n+1)
	t.used++
	p.used++
}

// place returns the slot that holds an object, or the free one that it would
// have.
func (t *objects) place(o Label) uint32 {
	mask := uint32(len(t.slots) - 1)
	h := uint32(o) * 0x9e3779b1 // the golden ratio: labels are small and dense
	for i := (h ^ h>>16) & mask; ; i = (i + 1) & mask {
		if e := t.slots[i]; e == 0 || Label(e>>32) == o {
			return i
		}
	}
}

func (t *objects) grow() {
	old := t.slots
	t.slots = make([]uint64, max(8, 2*len(old)))
	for _, e := range old {
		if e != 0 {
			t.slots[t.place(Label(e>>32))] = e
		}
	}
}
