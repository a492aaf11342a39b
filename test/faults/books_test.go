package faults

import (
	"testing"
	"time"
)

// books are where packets have turned up so far. What happened between two moments
// is the difference of their books.
type books struct {
	sent       uint64
	delivered  uint64
	recorded   uint64 // dropped, by a record each or by the number in one
	suppressed uint64 // their record was not written, as others tell
	refused    uint64 // by the kernel for their header
	cables     uint64 // lost on a cable
	own        uint64 // said by the gateway itself, and dropped like the rest
}

// books reads all that counts.
func (p *perimeter) books(t *testing.T) books {
	t.Helper()
	p.records.Read(t)
	k := p.Kernel(t)
	b := books{
		sent: p.load.Total(), recorded: p.records.Dropped(), suppressed: p.records.Suppressed + p.records.Unrecorded,
		refused: k.IP["IpInHdrErrors"], cables: k.Cables, own: k.IP["Ip6OutRequests"],
	}
	for _, n := range p.look().Delivered {
		b.delivered += n
	}
	return b
}

func (b books) since(o books) books {
	return books{
		b.sent - o.sent, b.delivered - o.delivered, b.recorded - o.recorded, b.suppressed - o.suppressed,
		b.refused - o.refused, b.cables - o.cables, b.own - o.own,
	}
}

func (b books) plus(o books) books {
	return books{
		b.sent + o.sent, b.delivered + o.delivered, b.recorded + o.recorded, b.suppressed + o.suppressed,
		b.refused + o.refused, b.cables + o.cables, b.own + o.own,
	}
}

// unaccounted returns how many packets are nowhere, or, below zero, in two places.
func (b books) unaccounted() int64 {
	return int64(b.sent + b.own - b.delivered - b.recorded - b.suppressed - b.refused - b.cables)
}

// recordsDue is how long after a packet the last record that counts it may come.
const recordsDue = 6 * time.Second

// balance returns what has become of the packets since a moment, once everything is
// settled: when the books are even, or no further record comes.
func (p *perimeter) balance(t *testing.T, from books) books {
	t.Helper()
	p.settle(t)
	for quiet := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		before := p.records.Total
		b := p.books(t).since(from)
		if b.unaccounted() == 0 || time.Since(quiet) > recordsDue {
			return b
		}
		if p.records.Total != before {
			quiet = time.Now()
		}
	}
}
