package fragment

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// memory holds the entries: found by their key through chains, and in the order
// in which they expire in a ring. Entry 0 is where the ring begins; as a link of a
// chain 0 is its end. Strangers choose keys, but not which meet in a chain: they
// do not know the seed.
type memory struct {
	shares
	seed    maphash.Seed
	chains  []uint32 // a power of two of them, at least as many as entries
	entries []entry
	unused  uint32 // chain of those that hold nothing
}

type entry struct {
	addresses    uint64 // Key.words
	rest         uint32
	since        uint32 // second in which something of it passed last
	next         uint32 // in the chain
	older, newer uint32 // in the ring
	datagram
}

func newMemory(s shares) memory {
	m := memory{
		shares:  s,
		seed:    maphash.MakeSeed(),
		chains:  make([]uint32, 1<<bits.Len(uint(s.free-1))),
		entries: make([]entry, 1+s.free),
	}
	for i := uint32(s.free); i > 0; i-- {
		m.retire(i)
	}
	return m
}

// chain returns the head of the chain that may hold a key.
func (m *memory) chain(addresses uint64, rest uint32) *uint32 {
	var b [12]byte
	binary.LittleEndian.PutUint64(b[:8], addresses)
	binary.LittleEndian.PutUint32(b[8:], rest)
	return &m.chains[maphash.Bytes(m.seed, b[:])&uint64(len(m.chains)-1)]
}

// find returns the entry of a key, or 0.
func (m *memory) find(addresses uint64, rest uint32) uint32 {
	i := *m.chain(addresses, rest)
	for i != 0 && (m.entries[i].addresses != addresses || m.entries[i].rest != rest) {
		i = m.entries[i].next
	}
	return i
}

// put returns a new entry for a key that has none, of a zone that has room.
func (m *memory) put(now uint32, addresses uint64, rest uint32) uint32 {
	i := m.unused
	e, head := &m.entries[i], m.chain(addresses, rest)
	m.unused = e.next
	*e = entry{addresses: addresses, rest: rest, next: *head}
	*head = i
	m.take(e.zone())
	m.link(i, now)
	return i
}

// drop forgets an entry.
func (m *memory) drop(i uint32) {
	e := &m.entries[i]
	at := m.chain(e.addresses, e.rest)
	for *at != i {
		at = &m.entries[*at].next
	}
	*at = e.next
	m.unlink(i)
	m.give(e.zone())
	m.retire(i)
}

// retire makes an entry one that holds nothing: in the ring it is its own neighbour.
func (m *memory) retire(i uint32) {
	e := &m.entries[i]
	e.newer, e.next, m.unused = i, m.unused, i
}

// taken reports whether an entry holds a datagram.
func (m *memory) taken(i uint32) bool { return m.entries[i].newer != i }

// renew makes an entry the newest.
func (m *memory) renew(i, now uint32) {
	m.unlink(i)
	m.link(i, now)
}

func (m *memory) link(i, now uint32) {
	e, begin := &m.entries[i], &m.entries[0]
	e.since, e.older, e.newer = now, begin.older, 0
	m.entries[begin.older].newer = i
	begin.older = i
}

func (m *memory) unlink(i uint32) {
	e := &m.entries[i]
	m.entries[e.older].newer = e.newer
	m.entries[e.newer].older = e.older
}

// oldest returns the entry that expires first, or 0.
func (m *memory) oldest() uint32 { return m.entries[0].newer }

// expired reports whether an entry is of no more use. The difference of two times
// is right across a wrap of the clock.
func (m *memory) expired(i, now uint32) bool {
	return int32(now-m.entries[i].since) > Lifetime
}

func (e *entry) zone() uint8 { return uint8(e.rest >> 24) }
