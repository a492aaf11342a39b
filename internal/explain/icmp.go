package explain

import (
	"bytes"

	"labelgate/internal/ipv4"
	"labelgate/netlabel"
)

// requoted says what became of the quote of an ICMP error that leaves, "" for nothing.
func (e *explainer) requoted(out *ipv4.View) (text string) {
	came, ok := e.view.Report()
	left, leaves := out.Report()
	if !ok || !leaves {
		return ""
	}
	was, is := quoted(&e.view), quoted(out)
	if !bytes.Equal(header(was), header(is)) {
		text += ", the header that it quotes becomes what its receiver sent"
	}
	if came.QuoteLen-len(header(was)) > left.QuoteLen-len(header(is)) {
		text += ", its quote is cut to 8 bytes behind the header"
	}
	return text
}

// quoted returns what an ICMP error quotes.
func quoted(v *ipv4.View) []byte { return v.Packet[v.Transport+8:] }

// header returns the IPv4 header that b begins with, as far as it is there.
func header(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	return b[:min(len(b), int(b[0]&0xf)*4)]
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
