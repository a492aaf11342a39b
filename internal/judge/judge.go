package judge

import (
	"encoding/binary"
	"time"

	"labelgate/engine"
	"labelgate/internal/audit"
	"labelgate/internal/ipv4"
	"labelgate/internal/mark"
	"labelgate/internal/memory"
	"labelgate/internal/queue"
	"labelgate/netlabel"
)

// BufferLen is how long a buffer of Config.Buffers must be at least.
const BufferLen = maxPacket + netlabel.MaxGrowth

// maxPacket is the longest IPv4 packet, RFC 791 section 3.1.
const maxPacket = 65535

// judge answers the packets of one queue. Its queue's worker is the only one to
// call it, so its buffers and what it remembers need no lock; what it shares with
// the rest of the daemon it loads once per batch, so that all of a batch meets one
// policy.
type judge struct {
	live    *live
	links   Links
	witness witness
	errors  Errors // nil: no ICMP errors are sent
	clock   func() (wall time.Time, mono uint64)

	memory   *memory.Memory
	revision uint32           // of the zones' numbers, that memory was made for
	buffers  [][]byte         // a packet that leaves changed stays in its own until the batch is answered
	verdict  netlabel.Verdict // of the packet that is being judged; here it need not be allocated
	lent     func() [][]byte  // where the buffers are, if they are not these
	message  []byte           // an ICMP error that is being written
	last     time.Duration    // when the last batch came,
	gap      time.Duration    // and how long after the one before
}

func newJudge(l *live, w Links, witness witness, errors Errors) *judge {
	return &judge{live: l, links: w, witness: witness, errors: errors, clock: audit.NewClock().Now}
}

// witness hears of every verdict after it was taken. It must not keep p, v or
// out.
type witness interface {
	// ready reports whether the verdicts about n packets can be put on record; they
	// are dropped unjudged if not.
	ready(now moment, n int) bool
	// settled ends a batch of n. Its packets are dropped when it reports false.
	settled(now moment, n int) bool
	saw(now moment, p *queue.Packet, d netlabel.Direction, v *netlabel.Verdict, out []byte)
}

var _ queue.Handler = (*judge)(nil)

// Handle decides each packet. Verdicts come zeroed, which means drop.
func (j *judge) Handle(packets []queue.Packet, verdicts []queue.Verdict) {
	now := j.live.moment(j.links)
	now.wall, now.since = j.time()
	j.gap, j.last = now.since-j.last, now.since
	if j.memory == nil || j.revision != now.revision {
		j.memory, j.revision = memory.New(now.snapshot.Zones()), now.revision
	}
	buffers := j.room(len(packets))
	if !j.witness.ready(now, len(packets)) {
		return
	}
	for i := range packets {
		j.one(now, &packets[i], &verdicts[i], buffers[i])
	}
	if !j.witness.settled(now, len(packets)) {
		clear(verdicts)
	}
}

// time returns the wall time and that of a clock which is never set back.
func (j *judge) time() (wall time.Time, since time.Duration) {
	wall, mono := j.clock()
	return wall, time.Duration(mono)
}

// room returns buffers for what leaves changed, one for each packet.
func (j *judge) room(packets int) [][]byte {
	if j.lent != nil {
		return j.lent()
	}
	for len(j.buffers) < packets {
		j.buffers = append(j.buffers, make([]byte, BufferLen))
	}
	return j.buffers
}

// one decides one packet.
func (j *judge) one(now moment, p *queue.Packet, verdict *queue.Verdict, out []byte) {
	d, v := direction(p.Hook, mark.Mark(p.Mark)), &j.verdict
	packet := memory.Packet{
		Direction: d, In: now.zone(p.In), Bytes: p.Payload, Out: out, Seen: p.Hook != queue.Prerouting,
		Counted: counted(p.Hook, mark.Mark(p.Mark)),
	}
	*v = j.decide(now, p, packet)
	if d != netlabel.Output {
		v.InZone = packet.In
	}
	if v.Action != netlabel.Drop {
		accept(now, p, d, v, verdict, out)
	}
	if p.Protocol == ethertypeIPv4 {
		j.memory.Remember(now.memory(), packet, v)
	}
	if v.Action == netlabel.Drop {
		*verdict = queue.Verdict{}
		j.report(now, p, d, v)
	}
	j.witness.saw(now, p, d, v, out)
}

// decide takes a packet to where it is judged. The hook that it waits at says how
// far it has come: with an IP option it is judged at PREROUTING, before the kernel
// parses or reassembles anything; without one at FORWARD, INPUT or OUTPUT, where
// its way out is known and bytes can be added. Fragments without options are only
// held against each other at PREROUTING, and their source against its zone; what else
// has none is here because the kernel drops it before it comes to another hook.
func (j *judge) decide(now moment, p *queue.Packet, packet memory.Packet) netlabel.Verdict {
	arrived := mark.Mark(p.Mark)
	var v netlabel.Verdict
	switch {
	case p.Protocol != ethertypeIPv4:
		return netlabel.Dropped(netlabel.ReasonNotIPv4)
	case p.Truncated:
		return netlabel.Dropped(netlabel.ReasonTruncated)
	case pending(p.Hook, arrived):
		v = j.again(now, arrived, packet)
	case p.Hook == queue.Input && arrived.IsJudged():
		// Judged on its way to a zone, and then sent here by address translation.
		// Its option is gone; without it, it would pass for somebody else's.
		return netlabel.Dropped(netlabel.ReasonDestinationChanged)
	case p.Hook == queue.Prerouting && !hasOptions(p.Payload):
		v = j.early(now, p, packet)
	case p.Hook == queue.Prerouting && now.translated:
		v = now.snapshot.Source(packet.In, p.Payload, packet.Out)
	default:
		v = j.memory.Process(now.memory(), packet, j.own(now, p))
	}
	now.hold(p, &v)
	if !packet.Counted {
		j.fits(now, p, &v)
	}
	return v
}

// early judges what has no options and is asked about at PREROUTING all the same. A
// fragment is only held against others. What is whole may be such that the kernel
// refuses it before it comes to another hook, for its addresses or its size: it is
// judged so far as to tell that, and again where it leaves.
func (j *judge) early(now moment, p *queue.Packet, packet memory.Packet) netlabel.Verdict {
	if !isFragment(p.Payload) && !now.translated {
		v := j.memory.Process(now.memory(), packet, netlabel.Known{})
		now.hold(p, &v)
		j.fits(now, p, &v)
		switch refused := v.Action == netlabel.Drop; {
		case v.Exempt: // the kernel may not be in that group, and then nobody sees it again
			return v
		case refused && (now.snapshot.Mode() == netlabel.Strict || v.Reason == netlabel.ReasonTooBig):
			return v
		}
	}
	return now.snapshot.Fragment(packet.In, p.Payload)
}

// hasOptions reports whether the header is longer than its fixed part. What is no
// header at all counts as one that is not.
func hasOptions(b []byte) bool { return len(b) > 0 && b[0]&0xf > 5 }

// isFragment reports whether the packet is a part of a datagram. What is no header
// at all is none.
func isFragment(b []byte) bool {
	const moreOrOffset = 0x3fff
	return len(b) >= ipv4.MinHeaderLen && binary.BigEndian.Uint16(b[6:])&moreOrOffset != 0
}

// pending reports whether a packet was judged at PREROUTING and waits for its
// option, or for its destination to be judged.
func pending(h queue.Hook, m mark.Mark) bool {
	return (h == queue.Forward || h == queue.Input) && m.IsPending()
}

// counted reports whether such a packet was judged whole there, and noted, counted and
// recorded.
func counted(h queue.Hook, m mark.Mark) bool { return pending(h, m) && m.Zone() != 0 }

// again finishes a packet that was judged at PREROUTING.
func (j *judge) again(now moment, arrived mark.Mark, packet memory.Packet) netlabel.Verdict {
	subject := engine.Label(arrived.Label())
	switch {
	case packet.In == 0:
		// Nobody cleared the mark that it came with: it may say anything.
		return netlabel.Dropped(netlabel.ReasonNoZone)
	case !arrived.SameGeneration(now.stamp) || !now.snapshot.Names(subject):
		// Its label is an index into a policy that is gone.
		return netlabel.Dropped(netlabel.ReasonStaleGeneration)
	}
	return j.memory.Again(now.memory(), packet, subject)
}

// hold holds a verdict against what only the machine's links tell.
func (m moment) hold(p *queue.Packet, v *netlabel.Verdict) {
	switch {
	case v.Action == netlabel.Drop:
	case v.Exempt:
		if p.Hook == queue.Output {
			v.OutZone = m.zone(p.Out)
		}
	case p.Hook != queue.Output && m.own(p.Payload):
		v.Refuse(netlabel.ReasonMartianSource)
	case m.toSubnet(p.Payload):
		v.Refuse(netlabel.ReasonGroupDestination)
	case leaves(p.Hook) && m.zone(p.Out) != v.OutZone:
		// Its route leads out of another zone than its destination lives in.
		v.Refuse(netlabel.ReasonEgressZone)
	}
}

// accept turns a decision into the kernel's verdict and mark.
func accept(now moment, p *queue.Packet, d netlabel.Direction, v *netlabel.Verdict, verdict *queue.Verdict, out []byte) {
	if v.Held && !v.HadOption {
		// Judged again where its destination is known, as if it had not been seen.
		verdict.Accept = true
		return
	}
	payload := out[:v.Length]
	m := mark.ForZone(now.stamp, uint8(v.OutZone))
	if v.Held || p.Hook == queue.Prerouting && d == netlabel.Forward && v.Emitted != engine.Unknown {
		var fits bool
		if m, fits = mark.ForLabel(now.stamp, uint8(v.OutZone), uint32(v.Subject)); !fits {
			v.Refuse(netlabel.ReasonUnmarkable)
			return
		}
	}
	if m.IsPending() && !v.Held {
		final := payload
		if v.Length == 0 {
			final = p.Payload
		}
		n, reason := netlabel.HoldPlace(final, out)
		if reason != netlabel.ReasonNone {
			v.Refuse(reason)
			return
		}
		payload = out[:n]
	}
	if len(payload) > queue.MaxPayload {
		// It fits into a packet, but not into an answer to the kernel.
		v.Refuse(netlabel.ReasonNoRoom)
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
