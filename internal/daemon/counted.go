package daemon

import "labelgate/internal/control"

// counted is what a gateway has counted since it was started, by the programs that it
// was before. Packets are counted by names: another version may have them in another
// order.
type counted struct {
	Packets           []control.ZonePackets `json:",omitempty"`
	Filtered          map[string]uint64     `json:",omitempty"` // by rules, by reason
	Lost              [2]uint64             // from a full queue, and from a full socket
	Queue             control.QueueCounts
	Unanswered        uint64 `json:",omitempty"`
	Written, Failures uint64 `json:",omitempty"` // of records, also by auditors that are gone
}

// handCounts hands what was counted so far to the next program.
func (d *daemon) handCounts() {
	if all, err := d.bench.Counts(); err == nil {
		d.counted(d.bench, all)
	}
	c, a := d.counters(), d.auditState()
	d.handover.Counted = counted{
		Packets: c.Packets, Filtered: d.guard.totals, Lost: [2]uint64{c.Kernel.QueueFull, c.Kernel.BufferFull}, Queue: c.Queue,
		Unanswered: c.Unanswered, Written: a.Written, Failures: a.Failures,
	}
	d.handover.Rules = d.guard.read()
}

// resume goes on counting where the program before had come to.
func (d *daemon) resume() {
	c := &d.handover.Counted
	for _, z := range c.Packets {
		zone := z.Zone
		if zone == control.NoZone {
			zone = ""
		}
		d.tally.before.AddNamed(zone, z.Passed, z.Dropped)
	}
	d.judges.lost.Store(c.Unanswered)
	d.guard.totals = c.Filtered
	d.guard.resume(d.handover.Rules)
}

// keepCounts is for a program that goes on after all. Its queue counts anew, and the
// others as they did.
func (d *daemon) keepCounts() {
	c := &d.handover.Counted
	c.Written, c.Failures = c.Written-d.auditing.state.Written, c.Failures-d.auditing.state.Retries
}

// addQueue adds what was counted of a queue.
func addQueue(to, more *control.QueueCounts) {
	to.Received += more.Received
	to.Accepted += more.Accepted
	to.Dropped += more.Dropped
	to.Rewritten += more.Rewritten
	to.Truncated += more.Truncated
	to.Refused += more.Refused
	to.Panicked += more.Panicked
	to.Malformed += more.Malformed
	to.Overruns += more.Overruns
	to.ReceiveErrors += more.ReceiveErrors
	to.VerdictErrors += more.VerdictErrors
}
