package engine

// pairs finds, while rules are being collected, the one that a subject and an
// object already have. It is open addressing over indices into the rules; each
// slot keeps half a hash beside the index, so that a new pair touches no other
// rule and growing touches none at all.
type pairs struct {
	slots []uint64 // hash above the index plus 1; 0 is free; the length is a power of two
	used  int
}

func hash(s, o Label) uint32 {
	h := (uint64(s)<<32 | uint64(o)) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	return uint32(h >> 32)
}

// find returns the index of the rule, or -1.
func (p *pairs) find(rules []rule, s, o Label) int32 {
	if len(p.slots) == 0 {
		return -1
	}
	h, mask := hash(s, o), uint32(len(p.slots)-1)
	for i := h & mask; ; i = (i + 1) & mask {
		e := p.slots[i]
		if e == 0 {
			return -1
		}
		if uint32(e>>32) == h {
			n := int32(uint32(e)) - 1
			if r := &rules[n]; r.subject == s && r.object == o {
				return n
			}
		}
	}
}

// add stores the index of a rule whose pair is not there yet.
func (p *pairs) add(s, o Label, n int32) {
	if p.used*3/2 >= len(p.slots) {
		p.grow()
	}
	p.put(uint64(hash(s, o))<<32 | uint64(n+1))
	p.used++
}

func (p *pairs) put(e uint64) {
	mask := uint32(len(p.slots) - 1)
	i := uint32(e>>32) & mask
	for p.slots[i] != 0 {
		i = (i + 1) & mask
	}
	p.slots[i] = e
}

func (p *pairs) grow() {
	old := p.slots
	p.slots = make([]uint64, max(16, 2*len(old)))
	for _, e := range old {
		if e != 0 {
			p.put(e)
		}
	}
}
