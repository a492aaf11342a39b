package daemon

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/queue"
)

// overflow looks for packets that the kernel dropped before anybody saw them.
// They are in no other count: what was sent is what was delivered, what was
// dropped here, and these.
type overflow struct {
	number uint16 // of our queue
	read   func() ([]queue.KernelStats, error)
	record func(*audit.Record)

	adopted      bool   // the queue is another's, whose last reading is not known
	full, buffer uint64 // as the kernel last said
	total        uint64

	fullTotal, bufferTotal atomic.Uint64
	depth                  queue.Depth   // an alarm when packets wait and none is answered
	stuck                  atomic.Bool   // the alarm
	waits                  atomic.Uint32 // packets, as last seen
}

// overflowInterval is how often the kernel is asked.
const overflowInterval = 250 * time.Millisecond

// watch asks the kernel until ctx ends. What it cannot be asked now it says later: its
// counts only rise. trouble is told when that begins and, with nil, when it ends.
func (o *overflow) watch(ctx context.Context, trouble func(error)) {
	ticker := time.NewTicker(overflowInterval)
	defer ticker.Stop()
	failed := false
	for {
		err := o.poll()
		if (err != nil) != failed {
			failed = err != nil
			trouble(err)
		}
		select {
		case <-ctx.Done():
			o.poll()
			return
		case <-ticker.C:
		}
	}
}

// poll records what was lost since it was asked before.
func (o *overflow) poll() error {
	all, err := o.read()
	if err != nil {
		return err
	}
	for i := range all {
		if q := &all[i]; q.Number == o.number {
			if o.adopted {
				// Who had the queue before has told of what was lost until then.
				o.adopted, o.full, o.buffer = false, q.QueueDropped, q.UserDropped
			}
			o.fullTotal.Add(o.rose(&o.full, q.QueueDropped, audit.ReasonQueueFull))
			o.bufferTotal.Add(o.rose(&o.buffer, q.UserDropped, audit.ReasonBufferFull))
			o.waits.Store(q.Depth)
			switch o.depth.Feed(*q) {
			case queue.Raised:
				o.stuck.Store(true)
				o.record(&audit.Record{Event: audit.EventWatchdog, Reason: audit.ReasonStuck, Count: uint64(q.Depth)})
			case queue.Cleared:
				o.stuck.Store(false)
				o.record(&audit.Record{Event: audit.EventWatchdog, Reason: audit.ReasonMoves})
			}
		}
	}
	return nil
}

// risen returns by how much a count of the kernel has risen since it was *before,
// and remembers it. One that has fallen counts anew: the queue or the rules are
// others.
func risen(before *uint64, now uint64) uint64 {
	lost := now - *before
	if now < *before {
		lost = now
	}
	*before = now
	return lost
}

func (o *overflow) rose(before *uint64, now uint64, reason string) uint64 {
	lost := risen(before, now)
	if lost != 0 {
		o.total += lost
		o.record(&audit.Record{Event: audit.EventQueueOverflow, Action: audit.Denied, Reason: reason, Verdict: "drop", Count: lost})
	}
	return lost
}

// appendSummary appends a line for people, none when nothing was lost.
func (o *overflow) appendSummary(b []byte) []byte {
	if o.total == 0 {
		return b
	}
	return fmt.Appendf(b, "dropped by the kernel before they were seen: %d; raise length in [queue] or ask for less traffic\n", o.total)
}
