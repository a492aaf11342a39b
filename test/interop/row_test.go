//go:build interop

package interop

import (
	"strings"
	"time"

	"labelgate/test/interop/talk"
)

// row is one line of the matrix: a process of one machine says something to a
// process of another.
type row struct {
	from, to endpoint
	talk.Send
	want   fate
	answer talk.Answer
}

// fate is what policy says becomes of a row.
type fate struct {
	refusal        // the zero value: it arrives
	arrives string // the label that the receiver is to see, "" where it sees none
	backAs  string // the label that the answer has for the gateway
	returns string // the label that the sender is to see on the answer, "" where it sees none
	answer  bool   // whether an answer is to come: always for a connection that is not refused
}

// refusal says who refuses a row, and why. Its zero value refuses nothing.
type refusal struct {
	by      *machine // a guest's kernel; nil: the gateway
	reason  string   // as in the gateway's record, or refusedByKernel
	subject string   // of the record, "" where it names none
	object  string   // of the kernel's record
	back    bool     // it is the answer that is refused
}

// refusedByKernel is the reason of a guest's own kernel.
const refusedByKernel = "no w in the guest"

func (r *refusal) refuses() bool { return r.reason != "" }

// Ports of the rows' senders: each has its own, by which it is known everywhere.
const rowPort = 20000

// rows lists the whole matrix: every process to every one of another machine
// with every protocol, except between hosts without labels.
func (s *site) rows() (all []*row) {
	for _, from := range s.endpoints() {
		for _, to := range s.endpoints() {
			if from.machine == to.machine || !from.smack() && !to.smack() {
				continue
			}
			for _, p := range talk.Protos() {
				r := &row{from: from, to: to, want: fateOf(p, from, to)}
				// The number makes the port, and the size too: an echo's record
				// has no port.
				r.Send = talk.Send{Proto: p, From: uint16(rowPort + len(all)), To: to.at(), Size: 32 + len(all), Timeout: patient}
				if r.want.refuses() || p == talk.ICMP && !r.want.answer {
					r.Timeout = impatient
				}
				all = append(all, r)
			}
		}
	}
	return all
}

// How long a row waits for an answer: for one that is to come, and for one that
// is not. What comes later is seen all the same.
const (
	patient   = 15 * time.Second
	impatient = 700 * time.Millisecond
)

// fateOf is the policy read a second time, by what Smack and the gateway's
// documentation say and without a line of the gateway's code.
func fateOf(p talk.Proto, from, to endpoint) (f fate) {
	f.arrives, f.refusal = way(from, to)
	if f.refuses() || p == talk.UDP {
		return f
	}
	if p == talk.TCP {
		f.backAs = to.label
		f.returns, f.refusal = way(to, from)
		f.refusal.back, f.answer = f.refuses(), !f.refuses()
		return f
	}
	// An echo is answered by the kernel. That of a guest answers by the label of
	// the request, which it finds in the packet.
	answering := to
	if to.smack() {
		answering.label, answering.reflects = f.arrives, true
	}
	f.backAs = answering.label
	var refused refusal
	f.returns, refused = way(answering, from)
	f.answer = !refused.refuses()
	return f
}

// way says with which label a packet arrives that a process sends to another, or
// who refuses it.
func way(from, to endpoint) (arrives string, r refusal) {
	refuse := func(reason, subject string) (string, refusal) { return "", refusal{reason: reason, subject: subject} }
	label := from.label
	if from.smack() {
		switch {
		case label == stray:
			return refuse("mapped-label", "")
		case label == floor && from.require && !from.reflects: // its kernel sends it without an option
			return refuse("label-missing", "")
		case !from.admits(label):
			return refuse("source-not-accredited", label)
		}
	}
	if !to.smack() {
		if ok, reason := may(label, to.label); !ok {
			return refuse(reason, label)
		}
		return "", refusal{}
	}
	arrives = label
	if label == web {
		if arrives = from.webAs; arrives == "" {
			return refuse("web-to-labeled", label)
		}
	}
	if !to.admits(arrives) {
		return refuse("destination-not-accredited", label)
	}
	if ok, _ := may(arrives, to.label); !ok {
		return "", refusal{by: to.machine, reason: refusedByKernel, subject: arrives, object: to.label}
	}
	return arrives, refusal{}
}

// may says whether a subject may write to an object, and why not.
func may(subject, object string) (ok bool, reason string) {
	if subject == web || object == web || subject == object {
		return true, ""
	}
	reason = "no-rule"
	for _, r := range rules {
		f := strings.Fields(r)
		if f[0] == subject && f[1] == object {
			if strings.Contains(f[2], "w") {
				return true, ""
			}
			reason = "rule-lacks-w"
		}
	}
	return false, reason
}
