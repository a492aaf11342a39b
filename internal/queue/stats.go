package queue

import "sync/atomic"

// Stats counts what went through a queue since Open or Adopt. Received is always the sum
// of Accepted and Dropped, apart from packets being decided at the moment.
type Stats struct {
	// Received counts the packets the kernel handed over.
	Received uint64
	// Accepted and Dropped count the verdicts given; Rewritten and Marked
	// those accepted with a new payload or mark.
	Accepted, Dropped, Rewritten, Marked uint64
	// Truncated counts packets dropped because a part of them was missing.
	Truncated uint64
	// Refused counts verdicts that could not be carried out, such as an
	// empty payload; their packets were dropped.
	Refused uint64
	// Panicked counts packets dropped because the handler panicked.
	Panicked uint64
	// Malformed counts messages of the kernel that could not be read. Where
	// such a message held a packet's id, the packet was dropped.
	Malformed uint64
	// Unknown counts attributes of a kind this package does not know.
	Unknown uint64
	// Foreign counts datagrams that were not sent by the kernel.
	Foreign uint64
	// Overruns counts notices of a receive buffer that ran full.
	Overruns uint64
	// ReceiveErrors counts other failures to receive.
	ReceiveErrors uint64
	// AcceptsRefused counts packets that were let go on and that the kernel had
	// dropped by then, with an interface or with the rule that queued them.
	AcceptsRefused uint64
	// VerdictErrors counts verdicts the kernel refused, and calls to send some
	// that failed. Of them VerdictsGone (ENOENT) were for packets that the
	// kernel had dropped before, as it does when their interface goes away,
	// which is harmless; VerdictsDenied (EPERM) mean that the process may not
	// give verdicts any more, and end Run.
	VerdictErrors, VerdictsGone, VerdictsDenied uint64
	// Stale counts packets that a former owner of the queue took and never
	// answered; Adopt dropped them. They are not in Received and Dropped.
	Stale uint64
}

type counts struct {
	received, accepted, dropped, rewritten, marked       atomic.Uint64
	truncated, refused, panicked                         atomic.Uint64
	acceptsRefused                                       atomic.Uint64
	malformed, unknown, foreign, overruns, receiveErrors atomic.Uint64
	verdictErrors, verdictsGone, verdictsDenied, stale   atomic.Uint64
}

// Stats returns the counts so far. It may be called at any time, also after
// Close, from any goroutine.
func (q *Queue) Stats() Stats {
	c := &q.counts
	return Stats{
		Received:       c.received.Load(),
		Accepted:       c.accepted.Load(),
		Dropped:        c.dropped.Load(),
		Rewritten:      c.rewritten.Load(),
		Marked:         c.marked.Load(),
		Truncated:      c.truncated.Load(),
		Refused:        c.refused.Load(),
		AcceptsRefused: c.acceptsRefused.Load(),
		Panicked:       c.panicked.Load(),
		Malformed:      c.malformed.Load(),
		Unknown:        c.unknown.Load(),
		Foreign:        c.foreign.Load(),
		Overruns:       c.overruns.Load(),
		ReceiveErrors:  c.receiveErrors.Load(),
		VerdictErrors:  c.verdictErrors.Load(),

		VerdictsGone:   c.verdictsGone.Load(),
		VerdictsDenied: c.verdictsDenied.Load(),
		Stale:          c.stale.Load(),
	}
}
