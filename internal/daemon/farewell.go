package daemon

import (
	"time"

	"labelgate/internal/judge"
	"labelgate/internal/queue"
)

// exitPatience bounds what is still written at the end. Whoever reads the records
// or the log may hang; a gateway that waits for it could not be started anew.
const exitPatience = 2 * time.Second

// within runs f and reports whether it ended in time. What does not goes on; the
// process is about to end.
func within(patience time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// stopped says what was done, for the operator who reads the end of the log.
func (d *daemon) stopped(s queue.Stats, o *overflow) {
	if all, err := d.bench.Counts(); err == nil {
		d.tally.take(all)
	}
	within(exitPatience, func() {
		d.Log.Info("stopped; the netfilter table stays, so nothing passes until labelgated runs again",
			"received", s.Received, "accepted", s.Accepted, "dropped", s.Dropped, "rewritten", s.Rewritten, "overflow", o.total,
			"refused", s.Refused, "truncated", s.Truncated, "verdict_errors", s.VerdictErrors)
		d.Stderr.Write(d.guard.appendSummary(o.appendSummary(d.tally.sum(judge.NewCounters).AppendSummary(nil))))
	})
}
