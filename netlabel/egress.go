package netlabel

import (
	"bytes"

	"labelgate/engine"
	"labelgate/internal/ipv4"
)

// egress makes what leaves.
func (j *judgement) egress() bool {
	v := &j.v
	var n int
	ok := true
	switch {
	case j.direction == Input:
		v.Action = Pass
		if v.HadOption {
			v.Action = Blank
			n, ok = j.view.Blank(j.out)
		}
	case v.Emitted == engine.Unknown:
		v.Action = Pass
		if v.HadOption {
			v.Action = Strip
			n, ok = j.view.Rewrite(j.out, nil)
			if ok && n == len(j.view.Packet) {
				v.Action = Blank // the kernel takes no shorter packet, see ipv4.View.Rewrite
			}
		}
	default:
		option := j.wire()
		if option == nil {
			return j.drop(ReasonNoEncoding)
		}
		switch {
		case !v.HadOption:
			v.Action = Add
		case bytes.Equal(option, j.view.Packet[j.view.CIPSO:j.view.CIPSO+j.view.CIPSOLen]):
			v.Action = Pass
		default:
			v.Action = Replace
		}
		if v.Action != Pass {
			n, ok = j.view.Rewrite(j.out, option)
		}
	}
	if ok && v.Action == Pass && j.view.HasTail() {
		// Behind the end of the options Linux sees nothing, and wipes it when
		// it forwards: a second label for those who read on.
		n, ok = j.view.ClearTail(j.out)
	}
	if !ok {
		return j.drop(ReasonNoRoom)
	}
	v.Length = n
	if n == 0 && len(j.packet) != len(j.view.Packet) {
		// Behind the packet stands what the link put there, or somebody else.
		v.Length = len(j.leaving())
		if v.Length == 0 {
			return j.drop(ReasonNoRoom)
		}
	}
	return j.unquote() && j.clamp()
}

// leaving returns what leaves where it can be changed, in out, to which it is
// copied if it is the packet as it came; nil when out is too short for that. Who
// changes it sets v.Length.
func (j *judgement) leaving() []byte {
	if j.v.Length != 0 {
		return j.out[:j.v.Length]
	}
	if len(j.out) < len(j.view.Packet) {
		return nil
	}
	return j.out[:copy(j.out, j.view.Packet)]
}

// unquote takes labels out of the header that an ICMP error quotes, unless the
// error goes to where labels look like that: its receiver then has sent the very
// packet. A labeled host quotes the label that this gateway put on.
func (j *judgement) unquote() bool {
	const icmp = 1
	v := &j.v
	if j.view.Proto != icmp || j.direction == Input || v.HadOption && v.Action == Pass {
		return true
	}
	packet := j.leaving()
	if packet == nil {
		return j.drop(ReasonNoRoom)
	}
	if ipv4.BlankQuoted(packet) {
		v.Length = len(packet)
	}
	return true
}

// wire returns the option that carries the leaving label to the destination.
func (j *judgement) wire() []byte {
	d := j.destDOI()
	if d == nil || int(j.v.Emitted) >= len(d.wire) {
		return nil
	}
	w := &d.wire[j.v.Emitted]
	if w.n == 0 {
		return nil
	}
	return w.bytes[:w.n]
}

// defaultMTU is assumed for links whose MTU is not known.
const defaultMTU = 1500

// clamp lowers the segment size that a TCP SYN offers so far that a full segment
// with the largest option still fits the links of both zones. Without it a
// connection opens, and stalls at its first full segment: the kernel reports the
// link's MTU to the sender, not the link's MTU less the option.
func (j *judgement) clamp() bool {
	const tcp, syn = 6, 0x02
	v := &j.view
	if v.Proto != tcp || v.TCPFlags&syn == 0 || v.FragmentOffset != 0 || v.MoreFragments || !j.labels() {
		return true
	}
	const headers = 40 // IPv4 and TCP without options
	limit := j.mtu() - headers - MaxGrowth
	if limit <= 0 {
		return true
	}
	packet := j.leaving()
	if packet == nil {
		return j.drop(ReasonNoRoom)
	}
	if ipv4.ClampMSS(packet, uint16(limit)) {
		j.v.Clamped = true
		j.v.Length = len(packet)
	}
	return true
}

// mtu returns the smaller MTU of the zones on both sides.
func (j *judgement) mtu() int {
	smallest := 0
	for _, z := range [2]Zone{j.v.InZone, j.v.OutZone} {
		if z == 0 {
			continue // this machine
		}
		mtu := j.s.zoneAt(z).mtu
		if mtu == 0 {
			mtu = defaultMTU
		}
		if smallest == 0 || mtu < smallest {
			smallest = mtu
		}
	}
	return smallest
}

// labels reports whether packets of this conversation may carry an option.
func (j *judgement) labels() bool {
	return j.inZone().trust != Refuse || j.outZone().trust != Refuse
}
