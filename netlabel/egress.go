package netlabel

import (
	"bytes"

	"labelgate/engine"
	"labelgate/hostmap"
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
		option := j.wire(v.Emitted)
		if option == nil {
			return j.drop(ReasonNoEncoding)
		}
		switch o := j.view.CIPSO; {
		case o == 0:
			v.Action = Add
		case bytes.Equal(option, j.view.Packet[o:o+j.view.CIPSOLen]):
			v.Action = Pass
		default:
			v.Action = Replace
		}
		if v.Action != Pass {
			n, ok = j.view.Rewrite(j.out, option)
		}
	}
	if j.known.Held && n != 0 && j.view.Others&refusedOptions != 0 {
		// The kernel has parsed these options, and writes its addresses to where
		// it saw them: over the packet's own, once they have moved.
		return j.drop(ReasonIPOption)
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
	return j.quote() && j.clamp()
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

// wire returns the option that carries a label to the destination.
func (j *judgement) wire(l engine.Label) []byte {
	d := j.destDOI()
	if d == nil || int(l) >= len(d.wire) {
		return nil
	}
	w := &d.wire[l]
	if w.n == 0 {
		return nil
	}
	return w.bytes[:w.n]
}

// sentBy returns the option with which the destination itself sends packets of a
// label, nil when it sends them without one.
func (j *judgement) sentBy(l engine.Label) []byte {
	e, z := j.dest(), j.outZone()
	switch {
	case z.trust == Refuse, l == engine.Unknown:
		return nil
	case e != nil && e.kind == hostmap.SingleLabel && e.via < 0, e == nil && z.label != engine.Unknown:
		return nil
	case l == j.s.ambient && !z.labelAmbient:
		return nil
	}
	return j.wire(l)
}

// defaultMTU is assumed for links whose MTU is not known.
const defaultMTU = 1500

// clamp lowers the segment size that a TCP SYN offers so far that a full segment
// of the answers still fits the links of both zones with the option it will have
// there. Without it a connection opens, and stalls at its first full segment: the
// kernel reports the link's MTU to the sender, not the link's MTU less the option.
func (j *judgement) clamp() bool {
	const tcp, syn = 6, 0x02
	v := &j.view
	if v.Proto != tcp || v.TCPFlags&syn == 0 || v.FragmentOffset != 0 || v.MoreFragments || !j.labels() {
		return true
	}
	const headers = 40 // IPv4 and TCP without options
	limit := j.mtu() - headers - j.answerOption()
	if limit <= 0 {
		return true
	}
	packet := j.leaving()
	if packet == nil {
		return j.drop(ReasonNoRoom)
	}
	// Who offers less than our links allow has a narrower one, or there is one on its
	// way: what comes to it must not be more by the option that it has there.
	if grow := j.answersGrow(); grow > 0 {
		if mss, ok := ipv4.MSS(packet); ok {
			limit = min(limit, max(int(mss)-grow, leastSegment))
		}
	}
	if ipv4.ClampMSS(packet, uint16(limit)) {
		j.v.Clamped = true
		j.v.Length = len(packet)
	}
	return true
}

// leastSegment is the segment size that every link has room for: RFC 791 asks 68
// bytes of each, and 40 are headers.
const leastSegment = 28

// answersGrow returns by how many bytes the answers grow on their way through here,
// 0 where their label is not known. They do so if they come from where the packet
// leaves without an option, and go to where labels are spoken. Such a packet is judged
// once: there is no option for it to wait for.
func (j *judgement) answersGrow() int {
	e := j.source()
	switch {
	case j.v.Emitted != engine.Unknown, j.v.Object == engine.Unknown, j.sourceDOI() == nil:
		return 0
	case e != nil && e.kind == hostmap.SingleLabel && e.via < 0:
		return 0
	}
	return j.answerOption()
}

// answerOption returns the padded size of the largest option that the answers may
// have on either side. They carry the label of the packet's destination: where
// that is a single-label host it is known, elsewhere the largest label of the
// domain counts.
func (j *judgement) answerOption() int {
	size, answers := 0, j.answers()
	for _, d := range [2]*doi{j.sourceDOI(), j.destDOI()} {
		switch {
		case d == nil:
		case answers != engine.Unknown && int(answers) < len(d.wire):
			size = max(size, (int(d.wire[answers].n)+3)&^3)
		default:
			size = max(size, d.longest)
		}
	}
	return size
}

// answers returns the label of what comes back where that is known, engine.Unknown
// where it is not.
func (j *judgement) answers() engine.Label {
	switch e := j.dest(); {
	case e == nil:
	case e.onLabel == hostmap.LabelHonour && e.via < 0:
		return engine.Unknown // whatever label they show is believed
	case j.v.Object == engine.Web && e.replacement != engine.Unknown:
		return e.replacement // what the packets of an @ host are labeled as
	}
	return j.v.Object
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
