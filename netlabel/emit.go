package netlabel

import (
	"labelgate/engine"
	"labelgate/internal/ipv4"
)

// A kernel with NetLabel parses the options of a forwarded packet after
// PREROUTING and drops those of a domain of interpretation that it does not
// know, ours included. So a packet that Process judged there travels on with
// NOPs in the option's place, and Emit puts the option on at FORWARD, behind
// that parser. The packet keeps its length on the way.

// HoldPlace overwrites the CIPSO option of packet with NOPs in place. It reports
// false when the packet has none or cannot be parsed. out may be packet itself.
func HoldPlace(packet, out []byte) (n int, ok bool) {
	var v ipv4.View
	if v.Parse(packet, ipv4.Compat).Code != ipv4.NoFault || v.CIPSO == 0 {
		return 0, false
	}
	return v.Blank(out)
}

// Emit puts a label's option on a packet that Process judged before: toward zone
// out, in the domain of the packet's destination. It decides nothing but whether
// that can be done. out must hold len(packet)+MaxGrowth bytes.
func (s *Snapshot) Emit(zone Zone, l engine.Label, packet, out []byte) Verdict {
	v := Dropped(ReasonNone)
	v.OutZone, v.Emitted, v.Subject = zone, l, l
	var view ipv4.View
	if fault := view.Parse(packet, ipv4.Strict); fault.Code != ipv4.NoFault {
		v.HeaderFault, v.Pointer, v.Reason = fault.Code, fault.Pointer, ReasonMalformedHeader
		return v
	}
	// Address translation may have moved the destination since.
	if s.ZoneOf(view.Dst) != zone {
		v.Reason = ReasonEgressZone
		return v
	}
	v.DestEntry = s.hosts.Lookup(uint8(zone), view.Dst)
	option := s.wire(zone, v.DestEntry, l)
	if option == nil {
		v.Reason = ReasonNoEncoding
		return v
	}
	n, ok := view.Rewrite(out, option)
	if !ok {
		v.Reason = ReasonNoRoom
		return v
	}
	v.Action, v.Length = Add, n
	return v
}
