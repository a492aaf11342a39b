package queue

// given remembers which of the latest verdicts let their packet go on. When the kernel
// refuses one, it names the packet and not the verdict.
type given [1024]uint64

// note remembers a verdict.
func (g *given) note(id uint32, accept bool) {
	word := uint64(id)<<2 | 2
	if accept {
		word |= 1
	}
	g[id%uint32(len(g))] = word
}

// accepted reports whether a packet was let go on. Of one that is too long ago it is
// said that it was: then there is no record of its loss.
func (g *given) accepted(id uint32) bool {
	word := g[id%uint32(len(g))]
	return word>>2 != uint64(id) || word&2 == 0 || word&1 == 1
}
