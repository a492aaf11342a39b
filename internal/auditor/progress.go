package auditor

import (
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"
)

// Progress remembers what was written to an output that cannot be read back. In
// memory that the auditor shares with whoever starts it, it lets the next auditor
// go on with the right sequence number; a record that was on its way when the
// auditor was ended may come twice, with the same number. Its zero value is at the
// beginning. Files need it not: their end tells.
type Progress struct {
	steps  [2]step
	latest atomic.Uint64 // index of the step that is valid
}

// step is a datagram, or a record of the auditor itself.
type step struct {
	base  atomic.Uint64 // sequence number before its first record
	count atomic.Uint64 // of its records
	done  atomic.Uint64 // how many of them are written
	id    atomic.Uint64 // of the datagram, 0 for a record of the auditor itself
}

// identify returns a number by which a datagram is known again.
func identify(d *datagram) uint64 {
	sum := sha256.Sum256(d.bytes)
	return binary.LittleEndian.Uint64(sum[:]) | 1
}

// resume returns what is left to do of a datagram: the sequence number before its
// first record, and how many of its records are written.
func (p *Progress) resume(id, count uint64) (base, done uint64) {
	now := &p.steps[p.latest.Load()&1]
	if id != 0 && now.id.Load() == id && now.count.Load() == count {
		return now.base.Load(), min(now.done.Load(), count)
	}
	// Whatever it was is over: only then another one is begun. A record of its own
	// that the auditor could not finish leaves its number to this one.
	base = now.base.Load() + now.count.Load()
	if now.id.Load() == 0 {
		base = now.base.Load() + now.done.Load()
	}
	// The other step is filled in before it becomes valid, so that no end of the
	// process leaves half of one.
	index := p.latest.Load() + 1
	next := &p.steps[index&1]
	next.base.Store(base)
	next.count.Store(count)
	next.done.Store(0)
	next.id.Store(id)
	p.latest.Store(index)
	return base, 0
}

// wrote notes that more records of the step are written.
func (p *Progress) wrote(n uint64) { p.steps[p.latest.Load()&1].done.Add(n) }

// unfinished reports whether an auditor was ended while it wrote.
func (p *Progress) unfinished() bool {
	now := &p.steps[p.latest.Load()&1]
	return now.done.Load() < now.count.Load()
}
