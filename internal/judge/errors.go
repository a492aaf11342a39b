package judge

import (
	"net/netip"
	"time"

	"labelgate/engine"
	"labelgate/internal/icmp"
	"labelgate/internal/ipv4"
	"labelgate/internal/queue"
	"labelgate/netlabel"
)

// Errors sends ICMP errors, and knows them again on their way out; an *icmp.Sender.
type Errors interface {
	Send(now time.Duration, n icmp.Notice) bool
	Own(now time.Duration, to netip.Addr, message []byte) (label, generation uint32, ok bool)
}

var _ Errors = (*icmp.Sender)(nil)

// report tells the sender of a dropped packet why, as the CIPSO draft asks
// (section 5), if its zone may know and the packet may be answered at all.
func (j *judge) report(now moment, p *queue.Packet, d netlabel.Direction, v *netlabel.Verdict) {
	if j.errors == nil {
		return
	}
	kind, code, pointer, due := v.ICMP(d)
	if !due {
		return
	}
	tooBig := v.Reason == netlabel.ReasonTooBig
	if !tooBig && (d == netlabel.Output || !now.snapshot.ZoneErrors(v.InZone)) {
		return
	}
	var view ipv4.View
	view.Parse(p.Payload, ipv4.Compat)
	if !view.Answerable() || now.toSubnet(p.Payload) {
		return
	}
	if d != netlabel.Output && (now.snapshot.ZoneOf(view.Src) != v.InZone || now.own(p.Payload)) {
		return // whoever lives at that address did not send it
	}
	e := ipv4.Error{Type: kind, Code: code, Pointer: pointer, Quoted: p.Payload}
	if tooBig {
		e.MTU = uint16(min(v.MTU, maxPacket))
	}
	j.message = ipv4.AppendError(j.message[:0], e)
	j.errors.Send(now.since, icmp.Notice{To: view.Src, Message: j.message, Label: uint32(now.about(v)), Generation: now.stamp})
}

// about returns the label of an error about a dropped packet: that of the packet,
// or what this machine says of its own where the packet had none that is known, or
// one that its sender is not told either.
func (m moment) about(v *netlabel.Verdict) engine.Label {
	refused := v.Reason == netlabel.ReasonReservedLabel || v.Reason == netlabel.ReasonSourceNotAccredited
	switch v.Subject {
	case engine.Unknown, engine.Star, engine.Huh, engine.Web:
		refused = true
	}
	if refused {
		if self := m.snapshot.Self(); self != engine.Unknown {
			return self
		}
		return m.snapshot.Ambient()
	}
	return v.Subject
}

// own recognises an ICMP error of ours on its way out. It is told by its bytes, not
// by a mark, which any program could set.
func (j *judge) own(now moment, p *queue.Packet) (k netlabel.Known) {
	const icmpProtocol, icmpHeader = 1, 8
	b := p.Payload
	if j.errors == nil || p.Hook != queue.Output || len(b) < ipv4.MinHeaderLen || b[9] != icmpProtocol {
		return k
	}
	header := int(b[0]&0xf) * 4
	if header > len(b) {
		return k
	}
	label, generation, ok := j.errors.Own(now.since, netip.AddrFrom4([4]byte(b[16:20])), b[header:])
	if ok && generation == now.stamp {
		k.Subject, k.From, k.Own = engine.Label(label), netlabel.FromFlow, true
		about := b[header+icmpHeader:]
		k.Bare = len(about) > 0 && about[0]&0xf == ipv4.MinHeaderLen/4
	}
	return k
}
