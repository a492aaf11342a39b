package corpus

import "encoding/binary"

// grammar is an area with one CIPSO option, or two, among others.
func (a *Areas) grammar() {
	for a.one(4) {
		a.other()
	}
	a.cipso()
	if a.one(4) {
		a.other()
	}
	if a.one(10) {
		a.cipso()
	}
	if a.one(25) { // what nobody should read any more
		a.put(0)
		for n := a.r.IntN(20); n > 0; n-- {
			a.put(byte(a.r.Uint32()))
		}
	}
}

// cipso is a CIPSO option: its length byte, its domain and each of its tags may
// be wrong.
func (a *Areas) cipso() {
	start := a.n
	a.put(typeCIPSO, 0)
	a.domain()
	switch d := a.r.IntN(40); {
	case d == 0:
	case d < 31:
		a.tag()
	case d < 38:
		a.tag()
		a.tag()
	default:
		for range 3 + a.r.IntN(6) {
			a.tag()
		}
	}
	if a.one(25) { // a type, and no length behind it
		a.put([]byte{1, 2, 5, 0, byte(a.r.Uint32())}[a.r.IntN(5)])
	}
	a.length(start, a.n-start, 8)
}

func (a *Areas) domain() {
	doi := a.doi
	if a.one(14) {
		doi = a.r.Uint32()
	}
	if a.one(40) {
		doi = 0
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], doi)
	a.put(b[:]...)
}

// length sets the length byte of what begins at start: it is n, unless it is off
// by one, below what is possible, or past the end.
func (a *Areas) length(start, n, least int) {
	switch a.r.IntN(28) {
	case 0:
		n--
	case 1:
		n++
	case 2:
		n = a.r.IntN(least + 2)
	case 3:
		n = []int{maxArea, maxArea - start, maxArea - start + 1, 127, 128, 255, a.r.IntN(256)}[a.r.IntN(7)]
	}
	if start+1 < maxArea {
		a.b[start+1] = byte(n)
	}
}

// tag is one tag of any type. What it holds may be more than the header has room
// for.
func (a *Areas) tag() {
	start := a.n
	kind := []byte{1, 1, 1, 2, 2, 2, 5, 5, 5, 5}[a.r.IntN(10)]
	if a.one(14) {
		kind = []byte{0, 3, 4, 6, 7, 128, byte(a.r.Uint32())}[a.r.IntN(7)]
	}
	alignment := byte(0)
	if a.one(10) {
		alignment = byte(a.r.Uint32())
	}
	level := []byte{0, 3, 250, 251, 255, byte(a.r.Uint32())}[a.r.IntN(6)]
	a.put(kind, 0, alignment, level)
	switch kind {
	case 1:
		a.bitmap()
	case 2:
		a.list()
	case 5:
		a.ranges()
	default:
		for n := a.r.IntN(6); n > 0; n-- {
			a.put(byte(a.r.Uint32()))
		}
	}
	a.length(start, a.n-start, 4)
}

func (a *Areas) bitmap() {
	n := a.r.IntN(8)
	if a.one(3) {
		n = a.r.IntN(32)
	}
	zeros := 0
	if a.one(3) {
		zeros = a.r.IntN(n + 1)
	}
	for i := range n {
		b := byte(a.r.Uint32())
		if a.one(3) {
			b = 0xff
		}
		if i == n-1 && b == 0 {
			b = 1
		}
		if i >= n-zeros {
			b = 0
		}
		a.put(b)
	}
}

func (a *Areas) list() {
	n := a.r.IntN(6)
	if a.one(4) {
		n = a.r.IntN(17)
	}
	at := a.r.IntN([]int{4, 240, 65500}[a.r.IntN(3)])
	for range n {
		a.put16(at)
		switch a.r.IntN(60) {
		case 0: // the same once more
		case 1:
			at -= 1 + a.r.IntN(5)
		case 2:
			at = 65535
		default:
			at += 1 + a.r.IntN(1+a.r.IntN(300))
		}
	}
	if a.one(30) {
		a.put(byte(a.r.Uint32()))
	}
}

func (a *Areas) ranges() {
	n := a.r.IntN(4)
	if a.one(4) {
		n = a.r.IntN(9)
	}
	high := []int{65535, 65534, 239, 300, a.r.IntN(65536), a.r.IntN(65536)}[a.r.IntN(6)]
	for i := range n {
		low := high - a.r.IntN(1+a.r.IntN(20))
		if a.one(20) {
			low = high + 1 + a.r.IntN(3)
		}
		if i == n-1 && a.one(3) {
			low = 0
		}
		low = max(low, 0)
		a.put16(high)
		if i < n-1 || low != 0 && !a.one(20) || low == 0 && a.one(3) {
			a.put16(low)
		}
		switch a.r.IntN(16) {
		case 0: // shares its end with the next
			high = low
		case 1: // touches the next
			high = low - 1
		case 2: // overlaps the next
			high = low + 1 + a.r.IntN(3)
		default:
			high = low - 2 - a.r.IntN(1+a.r.IntN(2000))
		}
		high = max(high, 0)
	}
	if a.one(30) {
		a.put(byte(a.r.Uint32()))
	}
}

// other is an option that is not CIPSO, and NOPs or the end of the list.
func (a *Areas) other() {
	start := a.n
	switch a.r.IntN(14) {
	case 0, 1, 2:
		for range 1 + a.r.IntN(3) {
			a.put(1)
		}
		return
	case 3:
		if a.one(3) {
			a.put(0)
		}
		return
	case 4, 5: // router alert
		a.put(148, 4, 0, byte(a.r.IntN(2)))
	case 6: // record route
		n := 3 + 4*a.r.IntN(4)
		a.put(7, byte(n), byte(4+4*a.r.IntN(4)))
		a.zeros(start + n)
	case 7: // timestamp
		n := 4 + 4*a.r.IntN(4)
		a.put(68, byte(n), byte(5+4*a.r.IntN(4)), byte(a.r.IntN(4)|a.r.IntN(2)*0xf0))
		a.zeros(start + n)
	case 8: // a source route
		n := 3 + 4*a.r.IntN(3)
		a.put([]byte{131, 137}[a.r.IntN(2)], byte(n), byte(4+4*a.r.IntN(3)))
		a.zeros(start + n)
	case 9: // stream id
		a.put(136, 4, 0, byte(a.r.Uint32()))
	case 10: // labels of another scheme
		a.put([]byte{130, 133}[a.r.IntN(2)], 4, 0x5a, 0x80)
	default:
		n := 2 + a.r.IntN(8)
		a.put(byte(a.r.Uint32()), byte(n))
		for a.n < start+n && a.n < maxArea {
			a.put(byte(a.r.Uint32()))
		}
	}
	if a.one(10) {
		a.length(start, a.n-start, 4)
	}
}

func (a *Areas) zeros(end int) {
	for a.n < min(end, maxArea) {
		a.put(0)
	}
}
