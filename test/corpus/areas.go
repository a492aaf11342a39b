package corpus

import (
	"encoding/binary"
	"math/rand/v2"
)

const (
	maxArea    = 40 // bytes of options in an IPv4 header
	typeCIPSO  = 134
	strangeDOI = 0xa5 // the first byte of every domain that is drawn and nobody speaks
)

// Areas draws option areas. It belongs to one goroutine and does not allocate.
type Areas struct {
	r     *rand.Rand
	doi   uint32
	seeds [][]byte

	b [maxArea]byte
	n int
}

// NewAreas returns a drawer of areas whose options mostly are of one domain of
// interpretation. Any other domain in the first option of an area is 0 or begins
// with the byte 0xa5, so that no definition on this machine that is not the
// test's own is hit by chance. The same seed draws the same areas, but for the
// domain.
func NewAreas(seed uint64, doi uint32, seeds [][]byte) *Areas {
	return &Areas{r: rand.New(rand.NewPCG(seed, 0)), doi: doi, seeds: seeds}
}

// Next draws an area of 4 to 40 bytes, whole words. It is valid until the next
// call.
func (a *Areas) Next() []byte {
	a.n = 0
	switch d := a.r.IntN(100); {
	case d < 45:
		a.grammar()
	case d < 62:
		a.seed()
		a.mutate(a.r.IntN(4))
	case d < 92:
		a.grammar()
		a.mutate(1 + a.r.IntN(3))
	default:
		a.noise()
	}
	a.fill()
	a.confine()
	return a.b[:a.n]
}

// one reports true once in n times.
func (a *Areas) one(n int) bool { return a.r.IntN(n) == 0 }

// put appends bytes; those that have no room are lost, as in a cut header.
func (a *Areas) put(b ...byte) {
	a.n += copy(a.b[a.n:], b)
}

func (a *Areas) put16(v int) { a.put(byte(v>>8), byte(v)) }

// seed takes a recorded area, as options of this domain most of the time.
func (a *Areas) seed() {
	a.put(a.seeds[a.r.IntN(len(a.seeds))]...)
	if a.one(10) {
		return
	}
	for i := 0; i+6 <= a.n; i++ {
		if a.b[i] == typeCIPSO {
			binary.BigEndian.PutUint32(a.b[i+2:], a.doi)
			i += 5
		}
	}
}

// noise is random bytes, sometimes behind the beginning of an option.
func (a *Areas) noise() {
	if a.one(2) {
		a.put(typeCIPSO, byte(8+a.r.IntN(33)))
		a.domain()
	}
	for n := 4 + a.r.IntN(37); a.n < n; {
		a.put(byte(a.r.Uint32()))
	}
}

// fill pads the area to whole words: with the end of the list, as hosts do, or
// with what should not be there.
func (a *Areas) fill() {
	with := a.r.IntN(12)
	for a.n == 0 || a.n%4 != 0 {
		switch with {
		case 0:
			a.put(1)
		case 1:
			a.put(byte(a.r.Uint32()))
		default:
			a.put(0)
		}
	}
}

// confine keeps the domain of the first option, which is the one that Linux
// looks for, to those that are documented above.
func (a *Areas) confine() {
	for at := 0; at+6 <= a.n && a.b[at] != 0; {
		if a.b[at] == 1 {
			at++
			continue
		}
		n := int(a.b[at+1])
		if a.b[at] == typeCIPSO {
			if doi := binary.BigEndian.Uint32(a.b[at+2:]); doi != 0 && doi != a.doi {
				a.b[at+2] = strangeDOI
			}
			return
		}
		if n < 2 {
			return
		}
		at += n
	}
}
