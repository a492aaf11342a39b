//go:build interop

package interop

import (
	"bytes"

	"labelgate/test/interop/talk"
)

// A kernel answers by itself where no process has a socket any more: with a reset,
// or with the last acknowledgement of a connection that its process has closed.
// Linux sends such an answer with the IP options of what it answers, and so with
// the label of the other side. These are the only packets of a row that have
// another label than their process.

// reflection returns the label that such packets have for the gateway.
func (r *row) reflection(back bool) string {
	switch {
	case back:
		return r.want.arrives
	case r.want.back && r.want.by == r.from.machine:
		return r.want.subject // refused there, and reset once nobody waits for it
	}
	return r.want.returns
}

// reflected counts the packets that a guest sent for a row in one direction with
// another option than the first, and faults those that are not of that kind.
func (e *evidence) reflected(f *finding, back bool) (n int) {
	at := f.from
	if back {
		at = f.to
	}
	if !at.smack() || f.Proto != talk.TCP {
		return 0
	}
	var first []byte
	begun, closed := false, false
	for _, p := range e.packets[e.taps] {
		ip := p.IPv4()
		if p.Interface != at.cable || p.Outgoing || !f.carries(ip, back) {
			continue
		}
		flags, length := segment(ip)
		if !begun {
			begun, first = true, label(ip)
		}
		if bytes.Equal(label(ip), first) {
			closed = closed || flags&flagFIN != 0
			continue
		}
		if n++; length > 0 || flags&flagRST == 0 && !closed {
			f.fault("%s sent % x in the middle of it", at.name, ip[:header(ip)])
		}
	}
	return n
}
