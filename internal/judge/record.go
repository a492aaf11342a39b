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

// Records takes audit records. It belongs to the goroutine of one handler.
type Records interface {
	// Add hands a copy of r over.
	Add(r *audit.Record)
	// Flush returns when somebody answers for all that was added: then its verdicts
	// may be given. An error says that nobody does, and that they are lost.
	Flush() error
}

// Held counts packets that were dropped, and that no record tells of yet, where the
// count outlives the process.
type Held interface{ Store(n uint64) }

// recorder counts every verdict and writes records of those that the setting
// "logging" asks for.
type recorder struct {
	counters *audit.Counters
	records  Records
	held     Held
	own      audit.Slot // of what this machine sends

	stuck stuck
}

func newRecorder(c *audit.Counters, r Records, h Held) *recorder {
	return &recorder{counters: c, records: r, held: h, own: c.Slot("this machine")} // no zone's name: it has a space
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
	r.stuck.added++
}
