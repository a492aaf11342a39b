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
	witness witness
	buffers [][]byte
}

// witness hears of every verdict after it was taken. It must not keep packet or
// out.
type witness interface {
	saw(now *state, p *queue.Packet, d netlabel.Direction, v *netlabel.Verdict, out []byte)
}

var _ queue.Handler = (*judge)(nil)

// Handle decides each packet. Verdicts come zeroed, which means drop.
func (j *judge) Handle(packets []queue.Packet, verdicts []queue.Verdict) {
	now := j.live.load()
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
func (j *judge) one(now *state, p *queue.Packet, verdict *queue.Verdict, out []byte) {
	arrived := mark.Mark(p.Mark)
	var d netlabel.Direction
	var v netlabel.Verdict
	switch {
	case p.Protocol != ethertypeIPv4:
		v = netlabel.Dropped(netlabel.ReasonNotIPv4)
	case p.Truncated:
		v = netlabel.Dropped(netlabel.ReasonTruncated)
	case p.Hook == queue.Forward && arrived.IsPending():
		v = j.finish(now, p, arrived, out)
	default:
		d = direction(p.Hook, arrived)
		v = now.snapshot.Process(d, now.zone(p.In), p.Payload, out)
		if v.Action != netlabel.Drop && now.toSubnet(p.Payload) {
			v.Action, v.Reason = netlabel.Drop, netlabel.ReasonGroupDestination
		}
		if v.Action != netlabel.Drop && leaves(p.Hook) && now.zone(p.Out) != v.OutZone {
			// Its route leads out of another zone than its destination lives in.
			v.Action, v.Reason = netlabel.Drop, netlabel.ReasonEgressZone
		}
	}
	if v.Action != netlabel.Drop {
		j.accept(now, p, d, &v, verdict, out)
	}
	j.witness.saw(now, p, d, &v, out)
}

// finish puts the option on a packet that was judged at PREROUTING.
func (j *judge) finish(now *state, p *queue.Packet, arrived mark.Mark, out []byte) netlabel.Verdict {
	switch {
	case !arrived.SameGeneration(now.snapshot.Generation()):
		// Its label is an index into a policy that is gone.
		return netlabel.Dropped(netlabel.ReasonStaleGeneration)
	case now.zone(p.Out) != netlabel.Zone(arrived.Zone()):
		return netlabel.Dropped(netlabel.ReasonEgressZone)
	}
	v := now.snapshot.Emit(netlabel.Zone(arrived.Zone()), engine.Label(arrived.Label()), p.Payload, out)
	v.InZone = now.zone(p.In)
	return v
}

// accept turns a decision into the kernel's verdict and mark.
func (j *judge) accept(now *state, p *queue.Packet, d netlabel.Direction, v *netlabel.Verdict, verdict *queue.Verdict, out []byte) {
	generation := now.snapshot.Generation()
	m := mark.ForZone(generation, uint8(v.OutZone))
	payload := out[:v.Length]
	if p.Hook == queue.Prerouting && d == netlabel.Forward && v.Emitted != engine.Unknown {
		var fits bool
		if m, fits = mark.ForLabel(generation, uint8(v.OutZone), uint32(v.Emitted)); !fits {
			v.Action, v.Reason = netlabel.Drop, netlabel.ReasonUnmarkable
			return
		}
		final := payload
		if v.Length == 0 {
			final = p.Payload
		}
		n, ok := netlabel.HoldPlace(final, out)
		if !ok {
			v.Action, v.Reason = netlabel.Drop, netlabel.ReasonMalformedHeader
			return
		}
		payload = out[:n]
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
