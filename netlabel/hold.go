package netlabel

import (
	"labelgate/engine"
	"labelgate/internal/ipv4"
)

// A kernel with NetLabel parses the options of a forwarded packet after
// PREROUTING and drops those of a domain of interpretation that it does not
// know, ours included. So a packet that was judged there and leaves labeled
// travels on with NOPs in the option's place; ProcessKnown puts the option on at
// FORWARD, behind that parser. The packet keeps its length on the way.

// HoldPlace overwrites the CIPSO option of packet with NOPs in place. Otherwise it
// returns why that cannot be: the packet has none, or it has others besides that
// the kernel parses in between and that must not move then. out may be packet
// itself.
func HoldPlace(packet, out []byte) (n int, r Reason) {
	var v ipv4.View
	switch {
	case v.Parse(packet, ipv4.Compat).Code != ipv4.NoFault || v.CIPSO == 0:
		return 0, ReasonMalformedHeader
	case v.Others&refusedOptions != 0:
		return 0, ReasonIPOption
	}
	n, ok := v.Blank(out)
	if !ok {
		return 0, ReasonNoRoom
	}
	return n, ReasonNone
}

// Source judges a packet as far as its source goes: its header, its subject, and
// whether that may come from there. It is for PREROUTING on a machine that
// translates destination addresses: where the packet is going is not known yet.
// What passes has Held set and its option, if it had one, overwritten in place;
// ProcessKnown must judge it again behind the translation.
func (s *Snapshot) Source(in Zone, packet, out []byte) Verdict {
	j := judgement{s: s, direction: Forward, packet: packet, out: out, v: Dropped(ReasonNone)}
	j.v.InZone = in
	if j.header() && (j.exempt() || j.from() && j.subject() && j.hold()) {
		return j.v
	}
	j.v.Action, j.v.Length = Drop, 0
	return j.v
}

func (j *judgement) hold() bool {
	j.v.Action, j.v.Held = Pass, true
	if j.view.CIPSO == 0 {
		return true
	}
	j.v.Action = Blank
	n, r := HoldPlace(j.view.Packet, j.out)
	if r != ReasonNone {
		return j.drop(r)
	}
	j.v.Length = n
	return true
}

// Fragment judges what can be judged of a fragment without options at PREROUTING,
// which the kernel may put together with others before anybody sees it again: its
// header, and its source. The kernel asks for addresses, not for interfaces: another
// zone's fragment under a host's address would become a part of that host's
// datagram, and be judged as its own. What passes has Held set, and is judged again.
func (s *Snapshot) Fragment(in Zone, packet []byte) Verdict {
	j := judgement{s: s, direction: Forward, packet: packet, v: Dropped(ReasonNone)}
	j.v.InZone = in
	if j.header() && j.from() {
		j.v.Action, j.v.Held = Pass, true
	}
	return j.v
}

// Names reports whether l is a label of this snapshot.
func (s *Snapshot) Names(l engine.Label) bool {
	return l != engine.Unknown && int(l) < s.policy.Labels()
}
