package judge

import (
	"net/netip"

	"labelgate/internal/audit"
	"labelgate/internal/event"
	"labelgate/internal/ipv4"
	"labelgate/internal/mark"
	"labelgate/internal/queue"
	"labelgate/netlabel"
)

// Bits of the setting "logging", as in Smack.
const (
	logDenied  = 1
	logAllowed = 2
)

// recorder counts every verdict and writes records of those that the setting
// "logging" asks for.
type recorder struct {
	counters *audit.Counters
	records  *audit.Pipe
	limiter  *audit.Limiter
	own      audit.Slot // of what this machine sends
}

func newRecorder(c *audit.Counters, r *audit.Pipe, l audit.LimiterOptions) *recorder {
	l.Outstanding = r.Outstanding()
	return &recorder{counters: c, records: r, limiter: audit.NewLimiter(l), own: c.Slot("this machine")} // no zone's name: it has a space
}

// NewCounters returns counters of what may become of a packet.
func NewCounters() *audit.Counters {
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
		if dropped && malformed(v.Reason) {
			// Somebody tries something: how often is told whatever is logged.
			r.limiter.Suppress(key(now, p, v), uint64(now.since))
		}
		return
	}
	if !r.limiter.Allow(key(now, p, v), uint64(now.since)) {
		return
	}
	record := event.Record(now.snapshot, event.Packet{
		Direction: d, Bytes: p.Payload, Out: out, In: now.device(p.In), OutDev: now.device(p.Out),
	}, v)
	record.Time, record.Mono = now.wall, uint64(now.since)
	r.records.Add(&record)
}

// key is what decisions are limited by.
func key(now moment, p *queue.Packet, v *netlabel.Verdict) audit.LimitKey {
	k := audit.LimitKey{Reason: v.Reason.String(), Zone: now.snapshot.ZoneName(v.InZone)}
	if len(p.Payload) >= ipv4.MinHeaderLen {
		k.Source = netip.AddrFrom4([4]byte(p.Payload[12:]))
	}
	return k
}

// malformed reports whether a reason is about the form of a packet, not about policy.
func malformed(r netlabel.Reason) bool {
	switch r {
	case netlabel.ReasonMalformedHeader, netlabel.ReasonMalformedOption, netlabel.ReasonMalformedError:
		return true
	}
	return false
}
