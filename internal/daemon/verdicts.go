package daemon

import (
	"labelgate/internal/audit"
	"labelgate/internal/queue"
)

// verdicts watches what the kernel makes of our verdicts. When it refuses to let a
// packet go on, that was dropped with its interface or its rule, and is not where its
// record says. One that was to be dropped has its record.
type verdicts struct {
	stats  func() queue.Stats
	before queue.Stats
}

// watch records what went wrong since it was called before.
func (w *verdicts) watch(r records) {
	now := w.stats()
	for _, c := range []struct {
		before, now uint64
		reason      string
	}{
		{w.before.AcceptsRefused, now.AcceptsRefused, audit.ReasonVerdictRefused},
		{w.before.Truncated, now.Truncated, audit.ReasonTruncatedMessage},
		{w.before.Panicked, now.Panicked, audit.ReasonPanic},
		{w.before.Malformed, now.Malformed, audit.ReasonMalformedMessage},
	} {
		if n := c.now - c.before; n > 0 {
			r.Write(&audit.Record{Event: audit.EventQueueError, Action: audit.Denied, Reason: c.reason, Verdict: "drop", Count: n})
		}
	}
	w.before = now
}
