package flow

import "math/bits"

// Flow is what a packet tells of its flow.
type Flow struct {
	Label   uint32 // index in the policy of the generation it is noted with
	Labeled bool   // its packets came with an option
	Grew    int8   // bytes that its packets gained on their way through, -40..40
	In, Out uint8  // the zones it comes from and goes to
}

// Table remembers flows. It must not be copied, nor used by two goroutines at
// once.
type Table struct {
	sets []set // a power of two of them
	seed seed
	idle uint32
}

// New returns a table for size flows, rounded up to 8 times a power of two; each
// takes 32 bytes. A flow of which nothing was seen for more than idle seconds is
// no longer live.
func New(size int, idle uint32) *Table {
	sets := 1
	if size > ways {
		sets = 1 << bits.Len(uint((size-1)/ways))
	}
	return &Table{sets: make([]set, sets), seed: newSeed(), idle: idle}
}

// Note remembers a flow, or that it was seen again and what it is now. The times
// of successive calls must not go backwards; they may wrap.
//
// Room for a flow that is not known is made in the one set of 8 that its key
// belongs to. A flow that is not live goes first. Otherwise the zone (Flow.In)
// that has most flows in the set, the new one included, gives up the one that
// was silent for longest; where several zones have as many and the new flow's is
// one of them, that one gives.
//
// So a flow gives way to one of another zone only if its own zone has at least
// two flows more in the set than that other one, or if eight further zones have
// one each. It follows that of a zone with at most 8/k live flows in a set that k
// zones use (4 where there are two, 2 up to four, 1 up to eight), no number of
// packets from other zones displaces any. That holds for keys that other zones do
// not note themselves, so ask first whether the source lives where the packet
// came from.
func (t *Table) Note(now, generation uint32, k Key, f Flow) {
	w := k.words()
	s := t.set(w)
	e := s.find(w)
	if e == nil {
		e = s.room(now, generation, t.idle, f.In)
	}
	e.put(now, generation, w, f)
}

// Find returns what is remembered of a live flow: one that was noted with this
// generation of the policy, since labels are indices into it, and not more than
// the idle time ago. Asking does not keep a flow alive: those who quote its
// header in ICMP errors may never have seen it.
func (t *Table) Find(now, generation uint32, k Key) (Flow, bool) {
	w := k.words()
	e := t.set(w).find(w)
	if e == nil || !e.live(now, generation, t.idle) {
		return Flow{}, false
	}
	return e.flow(), true
}

// Pin holds a flow to one label for life (RFC 5570 sections 6.2.1 and 7.3.1). It
// reports false if the live flow of this key has another label than f, or differs
// in whether its packets carry one; the flow then stays as it is, and grows no
// younger. Otherwise the flow is noted. A flow that had to give way, see Note, is
// pinned to whatever comes next.
func (t *Table) Pin(now, generation uint32, k Key, f Flow) bool {
	w := k.words()
	s := t.set(w)
	e := s.find(w)
	switch {
	case e == nil:
		e = s.room(now, generation, t.idle, f.In)
	case e.live(now, generation, t.idle) && (e.label != f.Label || e.labeled != f.Labeled):
		return false
	}
	e.put(now, generation, w, f)
	return true
}

// set returns the only set that may hold a key.
func (t *Table) set(w words) *set {
	return &t.sets[t.seed.hash(w)&uint64(len(t.sets)-1)]
}
