package split

import (
	"sync/atomic"
	"time"
)

// Progress tells whether the judge works, for a watchdog.
type Progress struct {
	// Attached says that there is a judge.
	Attached bool
	// Answered is when the last batch or self-test was answered, or the judge
	// attached, whatever was later, as a time with a monotonic reading.
	Answered time.Time
	// Batches, Packets and Tests count what was answered.
	Batches, Packets, Tests uint64
	// Lost counts packets dropped because a judge that had them did not
	// answer.
	Lost uint64
	// Held is how many packets are with the judge, or wait for one outside of
	// the kernel.
	Held int
}

type progress struct {
	at                            atomic.Int64 // nanoseconds since the Front's beginning
	batches, packets, tests, lost atomic.Uint64
	held                          atomic.Int64
}

func (p *progress) answered(start time.Time, n int) {
	p.at.Store(int64(time.Since(start)))
	p.batches.Add(1)
	p.packets.Add(uint64(n))
}

// Progress returns the state at this moment. It never waits.
func (f *Front) Progress() Progress {
	p := &f.progress
	return Progress{
		Attached: f.attached.Load(),
		Answered: f.start.Add(time.Duration(p.at.Load())),
		Batches:  p.batches.Load(),
		Packets:  p.packets.Load(),
		Tests:    p.tests.Load(),
		Lost:     p.lost.Load(),
		Held:     int(p.held.Load()),
	}
}
