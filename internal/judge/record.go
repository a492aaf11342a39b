package judge

import (
	"labelgate/internal/audit"
	"labelgate/internal/event"
	"labelgate/internal/mark"
	"labelgate/internal/queue"
	"labelgate/netlabel"
)

// Bits of the setting "logging", as in Smack.
const (
	logDenied  = 1
	logAllowed = 2
)

// Records takes audit records; an *audit.Pipe. It belongs to the goroutine of one
// handler.
type Records interface {
	// Add takes a copy of r.
	Add(r *audit.Record)
	// Flush hands over what was added, and what is to be owned up to. Verdicts may be
	// given when it returns nil.
	Flush() error
	// Discard gives up what was added since, and counts it as lost.
	Discard() int
	// Lose counts packets that were dropped without a record.
	Lose(packets uint64)
	// Lost is what was lost and not owned up to.
	Lost() uint64
}

// recorder counts every verdict and writes records of those that the setting
// "logging" asks for.
type recorder struct {
	counters *audit.Counters
	records  Records
	own      audit.Slot // of what this machine sends
}

func newRecorder(c *audit.Counters, r Records) *recorder {
	return &recorder{counters: c, records: r, own: c.Slot("this machine")} // no zone's name: it has a space
}

func newCounters() *audit.Counters {
	var actions, reasons []string
	for a := netlabel.Drop; a <= netlabel.Blank; a++ {
		actions = append(actions, a.String())
	}
	for r := netlabel.ReasonNone; int(r) <= len(netlabel.Reasons()); r++ {
		reasons = append(reasons, r.String())
	}
	return audit.NewCounters(actions, reasons)
}

func (r *recorder) saw(now moment, p *queue.Packet, d netlabel.Direction, v *netlabel.Verdict, out []byte) {
	dropped := v.Action == netlabel.Drop
	// A packet is counted and recorded once: where all of it is judged. When it
	// comes by again for its option, only its failure is news.
	if !dropped && (v.Held || counted(p.Hook, mark.Mark(p.Mark))) {
		return
	}
	slot := r.own
	if d != netlabel.Output {
		slot = now.slots[v.InZone]
	}
	wanted := logAllowed
	if dropped {
		r.counters.Drop(slot, int(v.Reason))
		wanted = logDenied
	} else {
		r.counters.Pass(slot, int(v.Action))
	}
	// The use of a bring-up rule is reported whatever is logged: to see it is what
	// the rule is for.
	report := v.Checked && v.Decision.Report
	if now.gateway.Config.Logging&wanted == 0 && !report {
		return
	}
	record := event.Record(now.snapshot, event.Packet{
		Direction: d, Bytes: p.Payload, Out: out, In: now.device(p.In), OutDev: now.device(p.Out),
	}, v)
	r.records.Add(&record)
}
