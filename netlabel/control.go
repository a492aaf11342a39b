package netlabel

import "labelgate/internal/ipv4"

// Protocols and ICMP types that are about the network itself.
const (
	protoICMP = 1
	protoIGMP = 2

	icmpRedirect      = 5
	icmpAdvertisement = 9
	icmpSolicitation  = 10
)

// exempt passes what hosts and routers of one link say to each other, as it is:
// group membership (IGMP) and router discovery (RFC 1256). It has a TTL of 1 and
// a group for destination, so no router carries it on, and it belongs to nobody
// whose label it could have. One with a label is judged like any other packet.
func (j *judgement) exempt() bool {
	v := &j.view
	if v.TTL != 1 || j.v.HadOption || v.FragmentOffset != 0 || v.MoreFragments {
		return false
	}
	switch {
	case v.Proto == protoIGMP && v.Dst.IsMulticast():
	case v.HasICMP && (v.ICMPType == icmpAdvertisement || v.ICMPType == icmpSolicitation) && (v.Dst.IsLinkLocalMulticast() || isBroadcast(v.Dst)):
	default:
		return false
	}
	j.v.Action, j.v.Exempt = Pass, true
	return true
}

// control refuses ICMP messages that no perimeter carries. A redirect chooses the
// path of a host's packets, and a router must not forward one. An error that comes
// in fragments shows its quoted header to nobody who could look for labels in it,
// and a message of a type that is not known may quote one anywhere.
func (j *judgement) control() bool {
	v := &j.view
	if !v.HasICMP || j.direction == Output {
		return true
	}
	switch v.ICMPType {
	case icmpRedirect:
		return j.drop(ReasonRedirect)
	case 3, 4, 11, 12: // errors (RFC 792)
		if v.MoreFragments {
			return j.drop(ReasonMalformedError)
		}
	case 0, 8, 13, 14, 15, 16, 17, 18, 42, 43: // queries and answers (RFC 792, RFC 950, RFC 8335)
	case icmpAdvertisement, icmpSolicitation:
		if j.direction != Input && v.TTL > 1 {
			return j.drop(ReasonICMPType) // it belongs to one link
		}
	default:
		return j.drop(ReasonICMPType)
	}
	return true
}

// quote puts into the header that an ICMP error quotes what its receiver sent: the
// label as it was before this gateway changed it, or none. A host quotes the packet
// as it got it, which would show the other side's label, or a label to who never
// had one, and no sender would know its packet again.
func (j *judgement) quote() bool {
	v := &j.v
	if j.view.Proto != protoICMP || j.known.Own || j.direction == Input {
		return true
	}
	if _, ok := j.view.Report(); !ok {
		return true
	}
	reported := j.known.Reported
	if !j.s.Names(reported) {
		reported = v.Emitted
	}
	packet := j.leaving()
	if packet == nil || len(j.out) < len(packet)+ipv4.MaxOptionsLen {
		return j.drop(ReasonNoRoom)
	}
	bare := v.SubjectFrom == FromFlow && j.direction != Output
	n, r := ipv4.RepairQuote(j.out, len(packet), j.sentBy(reported), max(j.known.Grew, 0))
	switch {
	case r == ipv4.QuoteUnchanged:
	case r == ipv4.QuoteRepaired:
		v.Length = n
	case r == ipv4.QuoteNoRoom:
		return j.drop(ReasonNoRoom)
	default:
		return j.drop(ReasonMalformedError)
	}
	if !bare {
		return true
	}
	// Its label is lent. What stands behind the quoted header is its sender's own
	// words, and no rule says that he may have written them there.
	if cut := ipv4.CutQuote(j.out[:n]); cut != n {
		v.Length = cut
	}
	return true
}
