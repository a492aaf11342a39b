package fragment

import (
	"encoding/binary"
	"hash/maphash"
)

// Sizes of the table of datagrams that are whole.
const (
	finishedSets = 2048
	finishedWays = 8
)

// finished remembers the labels of datagrams that are whole, for as long as those
// that are not. They are whole here; a receiver may have thrown away the first half
// before the second came, and would put what the same sender sends next under that
// number, with another label, in its place.
//
// What it remembers gives way to newer datagrams, the oldest of a set first: unlike
// the table itself it can be overrun, by 8 datagrams of one set in a minute.
type finished struct {
	seed maphash.Seed
	sets [][finishedWays]finishedEntry
}

type finishedEntry struct {
	addresses uint64 // Key.words
	rest      uint32
	when      uint32 // second in which it became whole
	label     uint32
	labeled   bool
	used      bool
}

func newFinished() finished {
	return finished{seed: maphash.MakeSeed(), sets: make([][finishedWays]finishedEntry, finishedSets)}
}

func (f *finished) set(addresses uint64, rest uint32) *[finishedWays]finishedEntry {
	var b [12]byte
	binary.LittleEndian.PutUint64(b[:8], addresses)
	binary.LittleEndian.PutUint32(b[8:], rest)
	return &f.sets[maphash.Bytes(f.seed, b[:])%finishedSets]
}

// put remembers a datagram that became whole.
func (f *finished) put(now uint32, addresses uint64, rest uint32, d *datagram) {
	set := f.set(addresses, rest)
	at := &set[0]
	for i := range set {
		e := &set[i]
		if e.used && e.addresses == addresses && e.rest == rest {
			at = e
			break
		}
		if at.used && (!e.used || int32(e.when-at.when) < 0) {
			at = e
		}
	}
	*at = finishedEntry{addresses: addresses, rest: rest, when: now, label: d.label, labeled: d.labeled, used: true}
}

// contradicts reports whether a piece has another label than the datagram that became
// whole under its key lately.
func (f *finished) contradicts(now uint32, addresses uint64, rest uint32, p *Piece) bool {
	set := f.set(addresses, rest)
	for i := range set {
		if e := &set[i]; e.used && e.addresses == addresses && e.rest == rest {
			return int32(now-e.when) <= Lifetime && (e.label != p.Label || e.labeled != p.Labeled)
		}
	}
	return false
}
