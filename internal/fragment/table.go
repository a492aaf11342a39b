package fragment

// Lifetime is how many seconds a datagram is remembered that does not become
// whole, counted from the piece that passed last. Linux and the BSDs give up 30
// seconds after the piece that reached them first, and that may have been any of
// those that passed: counted from the first of them, a sender who takes his time
// would be forgotten here while his receiver still waits. Receivers that wait for
// more than a minute, as RFC 1122 section 3.3.2 allows, are not covered.
const Lifetime = 60

// Table remembers datagrams. It must not be copied, nor used by two goroutines at
// once.
type Table struct {
	m    memory
	done finished
}

// New returns a table for so many datagrams at once, or as many more as it takes to
// give 16 to each of the zones 1..zones and to this machine. Each takes 112 bytes
// and 4 to 8 for finding it, so 4096 of them 464 KiB; those that became whole take
// another 512 KiB.
//
// A zone always finds room for as many as its share, which is an equal part of
// half of the table but at least 16. The rest is for whoever comes first.
func New(datagrams, zones int) *Table {
	return &Table{m: newMemory(newShares(datagrams, zones)), done: newFinished()}
}

// Add judges a piece that would pass otherwise, and remembers it; if it does not
// pass after all, say so to Condemn. A datagram of which all bytes have passed makes
// room, and its identification is free again for datagrams of the same label. The times of successive
// calls must not go backwards; they may wrap.
func (t *Table) Add(now uint32, k Key, p Piece) Result {
	i := t.entry(now, k)
	if i == 0 {
		return Full
	}
	d := &t.m.entries[i].datagram
	addresses, rest := k.words()
	if !d.condemned && d.seen.n == 0 && t.done.contradicts(now, addresses, rest, &p) {
		d.condemned = true
		return LabelMismatch
	}
	r := d.add(p)
	switch {
	case r != Fits:
	case d.whole():
		t.done.put(now, addresses, rest, d)
		t.m.drop(i)
	default:
		t.m.renew(i, now)
	}
	return r
}

// Condemn is for a piece that was dropped for another reason: no further piece of
// its datagram may pass. It reports false if there is no room to remember that.
func (t *Table) Condemn(now uint32, k Key) bool {
	i := t.entry(now, k)
	if i == 0 {
		return false
	}
	t.m.entries[i].condemned = true
	return true
}

// entry returns the entry of a datagram, a new one if it has none that counts, or
// 0 if there is no room for it.
func (t *Table) entry(now uint32, k Key) uint32 {
	m := &t.m
	addresses, rest := k.words()
	if i := m.find(addresses, rest); i != 0 {
		if !m.expired(i, now) {
			return i
		}
		m.drop(i)
	}
	for !m.room(k.Zone) { // each round was paid for by the call that put the entry in
		i := m.oldest()
		if i == 0 || !m.expired(i, now) {
			return 0
		}
		m.drop(i)
	}
	return m.put(now, addresses, rest)
}
