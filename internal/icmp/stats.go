package icmp

import "sync/atomic"

// Stats counts what became of the notices since New. Each is counted once, but
// for those that Send took and Run has not written yet.
type Stats struct {
	// Sent counts messages that the kernel took. It may still drop them, as any
	// packet.
	Sent uint64
	// Limited counts notices that a rate limit refused.
	Limited uint64
	// Full counts notices that found no free buffer: Run does not keep up, or
	// much of what was sent has not come by.
	Full uint64
	// Unfit counts notices that cannot be sent at all: the receiver is not one
	// host, the message has not the length of one, or the same message is on its
	// way with another label.
	Unfit uint64
	// Failed counts messages that the kernel did not take.
	Failed uint64
}

type counts struct {
	sent, limited, full, unfit, failed atomic.Uint64
}

// Stats returns the counts so far. It may be called at any time from any
// goroutine.
func (s *Sender) Stats() Stats {
	c := &s.counts
	return Stats{
		Sent: c.sent.Load(), Limited: c.limited.Load(), Full: c.full.Load(),
		Unfit: c.unfit.Load(), Failed: c.failed.Load(),
	}
}
