package fragment

// maxRanges bounds how far out of order the pieces of a datagram may come.
const maxRanges = 16

// ranges are the bytes seen of a datagram: n ranges, ascending, that neither
// touch nor overlap.
type ranges struct {
	n   uint8
	all [maxRanges]span
}

// span holds the bytes from (included) to (not included).
type span struct{ from, to uint16 }

// add puts in a piece that is not empty. Unless it Fits nothing changes.
//
// Where pieces have met, their border is forgotten, so a Duplicate need not
// repeat one piece: it may lie within several. That does no harm. It is dropped,
// and each of its bytes went on once already, in a piece that agreed with the
// rest.
func (r *ranges) add(from, to uint16) Result {
	i := 0 // the first range that ends behind the piece's beginning, or at it
	for i < int(r.n) && r.all[i].to < from {
		i++
	}
	if i == int(r.n) || to < r.all[i].from {
		return r.insert(i, span{from, to})
	}
	at := &r.all[i]
	switch {
	case to == at.from:
		at.from = from
		return Fits
	case from >= at.from && to <= at.to:
		return Duplicate
	case from < at.to:
		return Overlap
	}
	if i+1 < int(r.n) { // the piece begins where this range ends
		switch next := r.all[i+1]; {
		case to > next.from:
			return Overlap
		case to == next.from:
			at.to = next.to
			r.n--
			copy(r.all[i+1:r.n], r.all[i+2:])
			return Fits
		}
	}
	at.to = to
	return Fits
}

func (r *ranges) insert(i int, s span) Result {
	if r.n == maxRanges {
		return Scattered
	}
	copy(r.all[i+1:], r.all[i:r.n])
	r.all[i] = s
	r.n++
	return Fits
}

// top returns where the bytes seen end, 0 when there are none.
func (r *ranges) top() int {
	if r.n == 0 {
		return 0
	}
	return int(r.all[r.n-1].to)
}

// whole reports whether they are all of the bytes before end.
func (r *ranges) whole(end uint16) bool {
	return r.n == 1 && r.all[0] == span{0, end}
}

// bytes returns how many bytes were seen.
func (r *ranges) bytes() (n int) {
	for _, s := range r.all[:r.n] {
		n += int(s.to - s.from)
	}
	return n
}
