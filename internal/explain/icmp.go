package explain

import (
	"bytes"

	"labelgate/internal/ipv4"
	"labelgate/netlabel"
)

// requoted reports whether an ICMP error leaves with another quote than it came.
func (e *explainer) requoted(out *ipv4.View) bool {
	if _, ok := e.view.Report(); !ok {
		return false
	}
	if _, ok := out.Report(); !ok {
		return false
	}
	return !bytes.Equal(e.view.Packet[e.view.Transport:], out.Packet[out.Transport:])
}

// live says of an ICMP error what a running gateway asks besides: Process knows of
// no packet before this one.
func (e *explainer) live() {
	report, ok := e.view.Report()
	if !ok || e.v.SubjectFrom == netlabel.FromFlow {
		return
	}
	denied := e.v.Action == netlabel.Drop
	own := e.c.Direction == netlabel.Output
	labeled := e.view.CIPSO != 0 && !own
	believed := own || e.s.Mode() != netlabel.Strict // also when nothing is known
	const reason = netlabel.ReasonUnsolicitedError
	where := "through here"
	if !own {
		where = "into zone " + e.s.ZoneName(e.v.InZone)
	}
	switch {
	case denied && (labeled || !e.forItsLabel()), labeled && believed:
		// Whatever passed before changes nothing.
	case !report.Usable && (believed || denied):
		// It does not say which datagram that would be.
	case !report.Usable:
		e.remark("live", "", "a running gateway drops it as %s: it does not show what it reports", reason)
	case labeled:
		e.remark("live", "", "a running gateway drops it as %s unless its receiver sent the datagram that it reports %s lately", reason, where)
	case believed || denied:
		e.remark("live", "", "a running gateway gives it the label of the datagram that it reports, if its receiver sent that %s lately", where)
	default:
		e.remark("live", "", "a running gateway drops it as %s unless its receiver sent the datagram that it reports %s lately; it then has that one's label", reason, where)
	}
}

// forItsLabel reports whether a packet without a label was denied for the label that
// it was given, or for having none.
func (e *explainer) forItsLabel() bool {
	switch e.v.Reason {
	case netlabel.ReasonLabelMissing, netlabel.ReasonSourceNotAccredited, netlabel.ReasonNoSelfLabel, netlabel.ReasonStarSubject,
		netlabel.ReasonNoRule, netlabel.ReasonRuleLacks, netlabel.ReasonLayer, netlabel.ReasonDestinationNotAccredited,
		netlabel.ReasonWebToLabeled, netlabel.ReasonNoEncoding:
		return true
	}
	return false
}
