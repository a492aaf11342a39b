//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
	"labelgate/test/interop/talk"
)

// evidence is everything that anybody saw.
type evidence struct {
	*network
	records []audit.Record           // the gateway's decisions
	lost    uint64                   // records and packets that the gateway says it lost
	kernel  map[*machine][]judgement // of the guests' kernels
	heard   map[*machine][]talk.Heard
	packets map[*lab.Capture][]lab.Captured
}

// finding is what became of a row.
type finding struct {
	*row
	process string   // label of who sent it
	gateway string   // label that the gateway's records say
	arrived string   // label that the receiver's kernel says
	back    string   // label that the answer's records say
	reply   string   // label that the sender's kernel says the answer has
	reached bool     // whether the receiving process heard it
	faults  []string // what is not as it is to be
}

func (f *finding) fault(format string, args ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}

// judge holds a row against everything that was seen.
func (e *evidence) judge(r *row) *finding {
	f := &finding{row: r, process: r.from.label}
	if r.from.smack() {
		if f.process = r.answer.Label; f.process != r.from.label {
			f.fault("the sending process is labeled %q", f.process)
		}
	}
	e.arrival(f)
	switch {
	case !r.want.refuses():
		e.passed(f)
	case f.reached:
		f.fault("forbidden (%s), and delivered", r.want.reason)
	default:
		e.refused(f)
	}
	return f
}

// arrival finds what reached the receiving process.
func (e *evidence) arrival(f *finding) {
	bytes := 0
	for _, h := range e.heard[f.to.machine] {
		if h.Proto != f.Proto || h.From != netip.AddrPortFrom(f.from.address.Addr(), f.From) {
			continue
		}
		if f.to.smack() && h.Label != f.to.label {
			// An echo request is heard by every process that may; the others have
			// rows and requests of their own.
			if f.Proto != talk.ICMP {
				f.fault("heard by the process labeled %s", h.Label)
			}
			continue
		}
		if f.reached && h.Peer != f.arrived {
			f.fault("heard as %q and as %q", f.arrived, h.Peer)
		}
		f.reached, f.arrived, bytes = true, h.Peer, max(bytes, h.Bytes)
	}
	if f.reached && bytes != f.Size && !f.want.refuses() {
		f.fault("%d bytes of %d arrived", bytes, f.Size)
	}
}

// passed judges a row that is to arrive.
func (e *evidence) passed(f *finding) {
	if !f.reached {
		f.fault("did not arrive: %s", f.answer.Err)
	}
	f.gateway = e.said(f, false, f.from.label)
	if f.reached && f.arrived != f.want.arrives {
		f.fault("arrived as %q, not as %q", f.arrived, f.want.arrives)
	}
	e.bare(f, f.to, false)
	if f.Proto == talk.UDP {
		return
	}
	if f.answer.Back != f.want.answer {
		f.fault("answered: %v, not %v: %s", f.answer.Back, f.want.answer, f.answer.Err)
	}
	if !f.want.answer {
		return
	}
	f.back = e.said(f, true, f.want.backAs)
	if f.reply = f.answer.Peer; f.Proto == talk.TCP {
		// A connection's SO_PEERSEC speaks on the side that was called only. The
		// caller's kernel says in its records what it took the answer to be.
		if f.reply = e.judged(f, f.from, true); f.from.smack() && f.answer.Peer != "" && f.answer.Peer != f.want.returns {
			f.fault("the answer's peer is %q", f.answer.Peer)
		}
	}
	e.bare(f, f.from, true)
	if f.reply != f.want.returns {
		f.fault("the answer came as %q, not as %q", f.reply, f.want.returns)
	}
}

// bare holds what reached a host without Smack against the bytes on its cable:
// none of them may be a label's.
func (e *evidence) bare(f *finding, at endpoint, back bool) {
	if at.smack() {
		return
	}
	if e.on(f, at, back, isAny) == 0 {
		f.fault("nothing of it was on the cable of %s", at.name)
	}
	if n := e.on(f, at, back, isLabeled); n > 0 {
		f.fault("%d packets with a label on the cable of %s", n, at.name)
	}
}

// said returns the one subject of all records that the gateway has of a row's
// packets in one direction, all of which it is to have allowed.
func (e *evidence) said(f *finding, back bool, want string) string {
	var subjects []string
	reflected := 0
	for i := range e.records {
		r := &e.records[i]
		if !f.is(r, back) {
			continue
		}
		if r.Subject != want && r.Subject == f.reflection(back) {
			reflected++
			continue
		}
		if r.Action != audit.Granted {
			f.fault("the gateway refused one of its packets: %s", r.Reason)
		}
		if !slices.Contains(subjects, r.Subject) {
			subjects = append(subjects, r.Subject)
		}
	}
	if n := e.reflected(f, back); n != reflected {
		f.fault("%d packets have the label of who is answered, but %d were of those that do", reflected, n)
	}
	said := strings.Join(subjects, " and ")
	if said != want {
		f.fault("the gateway's records say %q, not %q (answer: %v)", said, want, back)
	}
	return said
}

// refused judges a row that is not to arrive: who refuses it must have said so.
func (e *evidence) refused(f *finding) {
	w, subject := &f.want.refusal, f.from.label
	if w.back {
		e.said(f, false, f.from.label)
		subject = f.to.label
	}
	granted, denied := false, false
	for i := range e.records {
		r := &e.records[i]
		if !f.is(r, w.back) {
			continue
		}
		f.gateway = r.Subject
		switch {
		case r.Action == audit.Granted:
			if granted = true; r.Subject != subject {
				f.fault("the gateway's record says %q, not %q", r.Subject, subject)
			}
		case r.Reason != w.reason || w.subject != "" && r.Subject != w.subject:
			f.fault("refused by the gateway as %q: %s, not %s", r.Subject, r.Reason, w.reason)
		default:
			denied = true
		}
	}
	at := f.to
	if w.back {
		at = f.from
	}
	if n := e.on(f, at, w.back, isAny); w.by == nil && n > 0 {
		f.fault("refused by the gateway, and %d packets of it were on the cable of %s", n, at.name)
	}
	switch {
	case w.by == nil && !denied:
		f.fault("the gateway has no record with the reason %s", w.reason)
	case w.by == nil && granted:
		f.fault("the gateway let a packet of it pass")
	case w.by != nil && !granted:
		f.fault("the gateway has no record")
	case w.by != nil:
		e.refusedThere(f)
	}
}

// refusedThere judges a row that a guest's kernel is to refuse.
func (e *evidence) refusedThere(f *finding) {
	w := &f.want.refusal
	for _, j := range e.kernel[w.by] {
		if j.action == audit.Denied && f.matches(&j, w.back) && j.subject == w.subject && j.object == w.object {
			return
		}
	}
	f.fault("the kernel of %s has no record that it refused %s to write to %s", w.by.name, w.subject, w.object)
}

// judged returns the label that the kernel of an endpoint took the packets of a
// row to have, "" for one without Smack.
func (e *evidence) judged(f *finding, at endpoint, back bool) string {
	var subjects []string
	for _, j := range e.kernel[at.machine] {
		if !f.matches(&j, back) || j.object != at.label {
			continue
		}
		if j.action != audit.Granted {
			f.fault("the kernel of %s refused %s", at.name, j.subject)
		}
		if !slices.Contains(subjects, j.subject) {
			subjects = append(subjects, j.subject)
		}
	}
	return strings.Join(subjects, " and ")
}

// is reports whether a record of the gateway is about a packet of the row, or
// about one of the answer.
func (r *row) is(a *audit.Record, back bool) bool {
	from, to := netip.AddrPortFrom(r.from.address.Addr(), r.From), r.To
	kind := uint8(8) // echo request
	if back {
		from, to, kind = to, from, 0
	}
	if a.Proto != r.Proto.Number() || a.Saddr != from.Addr() || a.Daddr != to.Addr() {
		return false
	}
	if r.Proto == talk.ICMP {
		return a.HasICMP && a.ICMPType == kind && int(a.LengthIn) == minHeader+(len(a.OptionIn.Bytes())+3)/4*4+8+r.Size
	}
	return a.HasPorts && a.Src == from.Port() && a.Dest == to.Port()
}

// carries reports whether an IPv4 packet belongs to the row, or to the answer.
func (r *row) carries(ip []byte, back bool) bool {
	from, to := netip.AddrPortFrom(r.from.address.Addr(), r.From), r.To
	kind := byte(8)
	if back {
		from, to, kind = to, from, 0
	}
	n := header(ip)
	if n == 0 || len(ip) < n+8 || ip[9] != r.Proto.Number() || source(ip) != from.Addr() || destination(ip) != to.Addr() {
		return false
	}
	if r.Proto == talk.ICMP {
		return ip[n] == kind && number(ip[n+4:]) == r.From
	}
	return number(ip[n:]) == from.Port() && number(ip[n+2:]) == to.Port()
}

// on counts the packets of a row on the cable of one of its ends: of those that
// are, or of the answer.
func (e *evidence) on(f *finding, at endpoint, back bool, are func(ip []byte) bool) (n int) {
	c, cable := e.cables[at.machine], ""
	if at.smack() {
		c, cable = e.taps, at.cable
	}
	for _, p := range e.packets[c] {
		if ip := p.IPv4(); (cable == "" || p.Interface == cable) && f.carries(ip, back) && are(ip) {
			n++
		}
	}
	return n
}

// matches is the same for a record of a guest's kernel.
func (r *row) matches(j *judgement, back bool) bool {
	from, to := netip.AddrPortFrom(r.from.address.Addr(), r.From), r.To
	if back {
		from, to = to, from
	}
	if j.saddr != from.Addr() || j.daddr != to.Addr() {
		return false
	}
	if r.Proto == talk.ICMP {
		return j.src == 0 // who writes to whom tells echoes apart
	}
	return j.src == from.Port() && j.dest == to.Port()
}
