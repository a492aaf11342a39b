package daemon

import (
	"labelgate/engine"
	"labelgate/internal/mark"
	"labelgate/internal/queue"
	"labelgate/netlabel"
)

// maxPacket is the longest IPv4 packet, RFC 791 section 3.1.
const maxPacket = 65535

// judge answers the packets of one queue. Its queue's worker is the only one to
// call it, so its buffers need no lock; what it shares with the rest of the
// daemon it loads once per batch, so that all of a batch meets one policy.
type judge struct {
	live    *live
	links   linkWatcher
	witness witness
	buffers [][]byte         // a packet that leaves changed stays in its own until the batch is answered
	verdict netlabel.Verdict // of the packet that is being judged; here it need not be allocated
}

// witness hears of every verdict after it was taken. It must not keep p, v or
// out.
type witness interface {
	saw(now moment, p *queue.Packet, d netlabel.Direction, v *netlabel.Verdict, out []byte)
}

var _ queue.Handler = (*judge)(nil)

// Handle decides each packet. Verdicts come zeroed, which means drop.
func (j *judge) Handle(packets []queue.Packet, verdicts []queue.Verdict) {
	now := j.live.moment(j.links)
	for len(j.buffers) < len(packets) {
		j.buffers = append(j.buffers, make([]byte, maxPacket+netlabel.MaxGrowth))
	}
	for i := range packets {
		j.one(now, &packets[i], &verdicts[i], j.buffers[i])
	}
}

// one decides one packet. The hook that it waits at says how far it has come:
// with an IP option it is judged at PREROUTING, before the kernel parses or
// reassembles anything; without one at FORWARD, INPUT or OUTPUT, where its way
// out is known and bytes can be added.
func (j *judge) one(now moment, p *queue.Packet, verdict *queue.Verdict, out []byte) {
	arrived, d, v := mark.Mark(p.Mark), direction(p.Hook, mark.Mark(p.Mark)), &j.verdict
	switch {
	case p.Protocol != ethertypeIPv4:
		*v = netlabel.Dropped(netlabel.ReasonNotIPv4)
	case p.Truncated:
		*v = netlabel.Dropped(netlabel.ReasonTruncated)
	case twoStage(p.Hook, arrived):
		*v = finish(now, p, arrived, out)
	case p.Hook == queue.Input && arrived.IsJudged():
		// Judged on its way to a zone, and then sent here by address translation.
		// Its option is gone; without it, it would pass for somebody else's.
		*v = netlabel.Dropped(netlabel.ReasonDestinationChanged)
	default:
		*v = now.snapshot.Process(d, now.zone(p.In), p.Payload, out)
		if v.Action != netlabel.Drop && now.toSubnet(p.Payload) {
			refuse(v, netlabel.ReasonGroupDestination)
		}
		if v.Action != netlabel.Drop && leaves(p.Hook) && now.zone(p.Out) != v.OutZone {
			// Its route leads out of another zone than its destination lives in.
			refuse(v, netlabel.ReasonEgressZone)
		}
	}
	if d != netlabel.Output {
		v.InZone = now.zone(p.In)
	}
	if v.Action != netlabel.Drop {
		accept(now, p, d, v, verdict, out)
	}
	j.witness.saw(now, p, d, v, out)
}

// twoStage reports whether a packet was judged at PREROUTING and waits for its
// option.
func twoStage(h queue.Hook, m mark.Mark) bool { return h == queue.Forward && m.IsPending() }

// finish puts the option on a packet that was judged at PREROUTING.
func finish(now moment, p *queue.Packet, arrived mark.Mark, out []byte) netlabel.Verdict {
	switch {
	case now.zone(p.In) == 0:
		// Nobody cleared the mark that it came with: it may say anything.
		return netlabel.Dropped(netlabel.ReasonNoZone)
	case !arrived.SameGeneration(now.stamp):
		// Its label is an index into a policy that is gone.
		return netlabel.Dropped(netlabel.ReasonStaleGeneration)
	case now.zone(p.Out) != netlabel.Zone(arrived.Zone()):
		return netlabel.Dropped(netlabel.ReasonEgressZone)
	}
	return now.snapshot.Emit(netlabel.Zone(arrived.Zone()), engine.Label(arrived.Label()), p.Payload, out)
}

// refuse turns a pass into a drop.
func refuse(v *netlabel.Verdict, r netlabel.Reason) {
	v.Action, v.Reason, v.Length, v.Emitted = netlabel.Drop, r, 0, engine.Unknown
}

// accept turns a decision into the kernel's verdict and mark.
func accept(now moment, p *queue.Packet, d netlabel.Direction, v *netlabel.Verdict, verdict *queue.Verdict, out []byte) {
	m := mark.ForZone(now.stamp, uint8(v.OutZone))
	payload := out[:v.Length]
	if p.Hook == queue.Prerouting && d == netlabel.Forward && v.Emitted != engine.Unknown {
		var fits bool
		if m, fits = mark.ForLabel(now.stamp, uint8(v.OutZone), uint32(v.Emitted)); !fits {
			refuse(v, netlabel.ReasonUnmarkable)
			return
		}
		final := payload
		if v.Length == 0 {
			final = p.Payload
		}
		n, reason := netlabel.HoldPlace(final, out)
		if reason != netlabel.ReasonNone {
			refuse(v, reason)
			return
		}
		payload = out[:n]
	}
	if len(payload) > queue.MaxPayload {
		// It fits into a packet, but not into an answer to the kernel.
		refuse(v, netlabel.ReasonNoRoom)
		return
	}
	verdict.Accept, verdict.SetMark, verdict.Mark = true, true, uint32(m)
	if len(payload) != 0 {
		verdict.Payload = payload
	}
}

func direction(h queue.Hook, m mark.Mark) netlabel.Direction {
	switch {
	case h == queue.Output:
		return netlabel.Output
	case h == queue.Input, h == queue.Prerouting && m.IsLocal():
		return netlabel.Input
	}
	return netlabel.Forward
}

// leaves reports whether the kernel knows at this hook by which interface the
// packet leaves.
func leaves(h queue.Hook) bool { return h == queue.Forward || h == queue.Output }

const ethertypeIPv4 = 0x0800
