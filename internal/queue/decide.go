package queue

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// decide has the handler judge the collected packets. Those of a pipeline are
// answered while it judges the next, all others at once.
func (l *loop) decide() {
	h := l.hand
	if h.n == 0 {
		return
	}
	if l.pipeline != nil {
		l.overlap(h)
		return
	}
	l.judge(h)
	l.reply(h)
}

// overlap gives packets to the pipeline and then answers those that it had before.
// It has one hand at a time, so that it is known which packets a judge died of.
func (l *loop) overlap(h *hand) {
	before := l.away
	l.guard(before, collectVerdicts)
	begun, panicked := l.guard(h, beginHand)
	l.reply(before)
	switch {
	case begun:
		l.hand, l.away = before, h
	case panicked:
		l.reply(h)
	default:
		l.judge(h)
		l.reply(h)
	}
}

// finish answers what the pipeline has.
func (l *loop) finish() {
	l.guard(l.away, collectVerdicts)
	l.reply(l.away)
}

// judge calls the handler.
func (l *loop) judge(h *hand) { l.guard(h, handleHand) }

// The calls of the handler, for guard.
func handleHand(l *loop, h *hand) bool {
	l.h.Handle(h.packets[:h.n:h.n], h.verdicts[:h.n:h.n])
	return true
}

func beginHand(l *loop, h *hand) bool { return l.pipeline.Begin(h.packets[:h.n:h.n]) }

func collectVerdicts(l *loop, h *hand) bool {
	l.pipeline.Finish(h.verdicts[:h.n:h.n])
	return true
}

// guard makes one call for a hand that is not empty, with its verdicts cleared, and
// returns what it returns. After a panic the verdicts are not believed: all the
// packets are to be dropped, whoever has seen them.
func (l *loop) guard(h *hand, call func(*loop, *hand) bool) (ok, panicked bool) {
	n := h.n
	if n == 0 {
		return false, false
	}
	clear(h.verdicts[:n])
	panicked = true
	defer func() {
		if !panicked {
			l.panics = 0
			return
		}
		r := recover()
		clear(h.verdicts[:n])
		l.panics++
		l.q.counts.panicked.Add(uint64(n))
		l.q.errorf("queue %d: %d packets dropped: handler panicked: %v\n%s", l.q.number, n, r, debug.Stack())
		if l.panics >= maxPanics {
			l.err = fmt.Errorf("handler panicked %d times in a row, last: %v", l.panics, r)
		}
	}()
	ok = call(l, h)
	panicked = false
	return ok, panicked
}

// reply answers the packets of a hand, which is empty then.
func (l *loop) reply(h *hand) {
	n := h.n
	if n == 0 {
		return
	}
	h.n = 0
	var t tally
	for i := range n {
		l.answer(&h.packets[i], &h.verdicts[i], &t)
	}
	l.flush()
	t.addTo(&l.q.counts, n)
	// Keep nothing alive that the handler returned.
	clear(h.verdicts[:n])
}

// tally counts one batch, so that the shared counters are touched once.
type tally struct{ accepted, dropped, rewritten, marked, truncated, refused uint64 }

func (t *tally) addTo(c *counts, n int) {
	c.received.Add(uint64(n))
	c.accepted.Add(t.accepted)
	c.dropped.Add(t.dropped)
	if t.rewritten|t.marked|t.truncated|t.refused != 0 {
		c.rewritten.Add(t.rewritten)
		c.marked.Add(t.marked)
		c.truncated.Add(t.truncated)
		c.refused.Add(t.refused)
	}
}

// answer appends the verdict on one packet to what will be sent.
func (l *loop) answer(p *Packet, v *Verdict, t *tally) {
	if p.Truncated {
		*v = Verdict{}
		t.truncated++
	}
	if v.Accept && v.Payload != nil && (len(v.Payload) == 0 || len(v.Payload) > MaxPayload) {
		*v = Verdict{}
		t.refused++
	}
	if v.Accept {
		t.accepted++
		if v.SetMark {
			t.marked++
		}
		if v.Payload != nil {
			t.rewritten++
		}
	} else {
		t.dropped++
	}
	if len(l.out)+verdictLen(v) > cap(l.out) {
		l.flush()
	}
	l.given.note(p.ID, v.Accept)
	l.out = appendVerdict(l.out, l.q.number, p.ID, v)
}

// sendPauses is how long to wait between tries when the kernel has no memory for
// the verdicts.
var sendPauses = [...]time.Duration{0, time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second}

// flush sends the collected verdicts. When that fails for good the loop ends,
// and with the queue the kernel drops what it holds.
func (l *loop) flush() {
	if len(l.out) == 0 {
		return
	}
	var err error
	for _, pause := range sendPauses {
		if err = l.q.socket.send(l.out); err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.ENOMEM) && !errors.Is(err, unix.EAGAIN) {
			break
		}
		time.Sleep(pause)
	}
	l.out = l.out[:0]
	if err != nil {
		l.q.counts.verdictErrors.Add(1)
		l.err = fmt.Errorf("send verdicts: %w", err)
	}
}
