package netlabel

import (
	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/internal/ipv4"
)

// A kernel with NetLabel parses the options of a forwarded packet after
// PREROUTING and drops those of a domain of interpretation that it does not
// know, ours included. So a packet that Process judged there travels on with
// NOPs in the option's place, and Emit puts the option on at FORWARD, behind
// that parser. The packet keeps its length on the way.

// HoldPlace overwrites the CIPSO option of packet with NOPs in place. Otherwise it
// returns why that cannot be: the packet has none, or it has others besides that
// the kernel parses in between and Emit must not move then. out may be packet
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

// Emit puts a label's option on a packet that Process judged before and HoldPlace
// blanked: toward zone, in the domain of the packet's destination. Zone and label
// come back out of the packet's mark. It decides nothing but whether that can be
// done. out must hold len(packet)+MaxGrowth bytes.
func (s *Snapshot) Emit(zone Zone, l engine.Label, packet, out []byte) Verdict {
	v := Dropped(ReasonNone)
	v.OutZone, v.Emitted, v.Subject = zone, l, l
	j := judgement{s: s, direction: Forward, packet: packet, out: out, v: v}
	if fault := j.view.Parse(packet, j.strictness()); fault.Code != ipv4.NoFault {
		j.v.HeaderFault, j.v.Pointer = fault.Code, fault.Pointer
		j.drop(ReasonMalformedHeader)
	} else {
		j.emit()
	}
	if j.v.Action == Drop {
		j.v.Length, j.v.Emitted = 0, engine.Unknown
	}
	return j.v
}

func (j *judgement) emit() bool {
	z := j.outZone()
	// Address translation may have moved the destination since.
	if z.name == "" || j.s.ZoneOf(j.view.Dst) != j.v.OutZone {
		return j.drop(ReasonEgressZone)
	}
	j.v.DestEntry = j.s.hosts.Lookup(uint8(j.v.OutZone), j.view.Dst)
	if e := j.dest(); e != nil && e.kind == hostmap.SingleLabel || e == nil && z.label != engine.Unknown {
		// A labeled host was told to enforce; this one cannot, and no rule was
		// asked for it.
		return j.drop(ReasonDestinationChanged)
	}
	if !j.admitted(j.v.Emitted) {
		return false
	}
	option := j.wire()
	if option == nil || z.trust == Refuse {
		// No label enters such a zone, whatever a mark or a host entry says.
		return j.drop(ReasonNoEncoding)
	}
	if j.view.Others&refusedOptions != 0 {
		// The kernel has parsed these options, and writes its addresses to where
		// it saw them: over the packet's own, once they have moved.
		return j.drop(ReasonIPOption)
	}
	n, ok := j.view.Rewrite(j.out, option)
	if !ok {
		return j.drop(ReasonNoRoom)
	}
	j.v.Action, j.v.Length = Add, n
	return true
}
