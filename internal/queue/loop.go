package queue

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// port is the edge to the kernel: the socket, or a stand-in for it in tests.
type port interface {
	// receive waits for at least one datagram; what it fills is valid until
	// the next call.
	receive(*batch) error
	// poll does not wait: without a datagram it returns EAGAIN.
	poll(*batch) error
	// send gives one datagram of at most limit bytes to the kernel.
	send([]byte) error
	limit() int
	// wake makes a receive that waits, or the next one, return.
	wake() error
}

// maxPanics is how many calls of the handler in a row may panic before Run gives
// up. One packet of an attacker must not stop the gateway; a handler that fails
// always must be seen.
const maxPanics = 8

// Run reads packets, has h decide and answers the kernel, until ctx ends or Close
// is called; then it takes the queue down and returns nil. Every packet that it
// took is answered exactly once; what is left in the kernel is dropped there.
// After Release it returns as well, and the queue stays.
//
// It returns an error when the socket fails, when the kernel says that the
// process may not give verdicts any more, or when h panicked several times in a
// row. Run may be called once. It keeps its thread for itself.
func (q *Queue) Run(ctx context.Context, h Handler) error {
	if !q.running.CompareAndSwap(false, true) {
		return fmt.Errorf("queue %d: Run called twice", q.number)
	}
	defer close(q.done)
	stop := context.AfterFunc(ctx, func() {
		q.end()
		q.wake()
	})
	defer stop()

	runtime.LockOSThread()
	err := newLoop(q, h, newBatch()).run()
	runtime.UnlockOSThread()

	if !q.released.Load() {
		if e := q.shut(); err == nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("queue %d: %w", q.number, err)
	}
	return nil
}

func (q *Queue) wake() {
	if err := q.socket.wake(); err != nil {
		q.errorf("queue %d: wake-up: %v", q.number, err)
	}
}

// loop is the state of Run. Nothing in it is made anew for a packet.
type loop struct {
	given    given
	q        *Queue
	h        Handler
	gate     Gate     // nil: h is none
	pipeline Pipeline // nil: h is none
	in       *batch
	first    *batch // received before the loop was there
	hand     *hand  // being collected
	away     *hand  // with the pipeline, if it is not empty
	out      []byte
	panics   int // calls of the handler that panicked, in a row
	failures int // to receive, in a row
	err      error
}

// hand is some packets and what becomes of them.
type hand struct {
	packets  [batchSize]Packet
	verdicts [batchSize]Verdict
	n        int // packets collected
}

func newLoop(q *Queue, h Handler, in *batch) *loop {
	l := &loop{q: q, h: h, in: in, first: q.first, hand: new(hand), away: new(hand), out: make([]byte, 0, q.socket.limit())}
	l.gate, _ = h.(Gate)
	l.pipeline, _ = h.(Pipeline)
	return l
}

func (l *loop) run() error {
	defer l.finish()
	// What Adopt received cannot be given back: it is answered in any case.
	for l.first != nil || !l.q.ended.Load() {
		if l.gate != nil && l.away.n == 0 {
			l.gate.Wait(l.q.stop)
			if l.first == nil && l.q.ended.Load() {
				return nil
			}
		}
		if err := l.receive(); err != nil {
			return err
		}
		for i := range l.in.count {
			if !l.in.fromKernel(i) {
				l.q.counts.foreign.Add(1)
				continue
			}
			l.collect(l.in.datagram(i), l.in.cut(i))
		}
		l.decide()
		if l.err != nil {
			return l.err
		}
	}
	return nil
}

// receive fills the batch; it is empty after what is no reason to stop.
func (l *loop) receive() error {
	if l.first != nil {
		l.in, l.first = l.first, nil
		return nil
	}
	var err error
	if l.away.n > 0 {
		if err = l.q.socket.poll(l.in); errors.Is(err, unix.EAGAIN) {
			// Nothing is left to do meanwhile.
			l.in.count = 0
			l.finish()
			return l.err
		}
	} else {
		err = l.q.socket.receive(l.in)
	}
	if err == nil {
		l.failures = 0
		return nil
	}
	l.in.count = 0
	switch {
	case errors.Is(err, unix.EINTR):
		return nil
	case errors.Is(err, unix.EAGAIN):
		l.failures = 0
		l.idle()
		return nil
	case errors.Is(err, unix.ENOBUFS):
		l.complain(l.q.counts.overruns.Add(1), "receive buffer full, packets were dropped")
		return nil
	}
	n := l.q.counts.receiveErrors.Add(1)
	l.complain(n, err.Error())
	if passing(err) && l.failures < len(receivePauses) {
		l.q.pause(receivePauses[l.failures])
		l.failures++
		return nil
	}
	return fmt.Errorf("receive: %w", err)
}

// receivePauses is how long to wait between tries when the machine is out of
// something, as it may be again in a moment. Packets wait in the kernel meanwhile.
var receivePauses = [...]time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, time.Second, time.Second}

// passing reports whether an error tells of a want that may pass.
func passing(err error) bool {
	return errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)
}

// pause waits, but not longer than Run may go on.
func (q *Queue) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-q.stop:
	}
}

// collect takes the packets out of one datagram. When more have come than fit,
// they are decided in between.
func (l *loop) collect(b []byte, cut bool) {
	for len(b) > 0 {
		m, rest, ok := nextMessage(b)
		if !ok {
			if !cut || !l.salvage(b) {
				l.q.counts.malformed.Add(1)
			}
			return
		}
		b = rest
		switch m.kind {
		case typePacket:
			l.packet(m.body, cut)
		case typeError:
			l.refused(&m)
		case typeNoop:
		case typeOverrun:
			l.complain(l.q.counts.overruns.Add(1), "receive buffer full, packets were dropped")
		default:
			l.q.counts.malformed.Add(1)
		}
	}
}

// salvage reads a message whose end is missing: its beginning may still name the
// packet that has to be dropped. It reports whether it was a packet's.
func (l *loop) salvage(b []byte) bool {
	if len(b) < nlHeaderLen+nfHeaderLen || binary.NativeEndian.Uint16(b[4:]) != typePacket {
		return false
	}
	l.packet(b[nlHeaderLen:], true)
	return true
}

func (l *loop) packet(body []byte, cut bool) {
	if l.hand.n == batchSize {
		l.decide()
	}
	p := &l.hand.packets[l.hand.n]
	e := parsePacket(body, p)
	if e.unknown > 0 {
		l.q.counts.unknown.Add(uint64(e.unknown))
	}
	if !e.wellFormed {
		l.q.counts.malformed.Add(1)
	}
	if !e.hasID {
		return // nobody to answer
	}
	if cut || !e.wellFormed {
		p.Truncated = true
	}
	l.hand.n++
}

// refused counts what the kernel did not accept. It works through the messages
// of a datagram one by one, so an error never concerns a neighbour's verdict.
func (l *loop) refused(m *message) {
	number, about, ok := m.errorOf()
	errno := unix.Errno(number)
	c := &l.q.counts
	switch {
	case !ok:
		c.malformed.Add(1)
		return
	case errno == 0:
		// The acknowledgement of a wake-up.
		return
	case about == typeConfig:
		l.err = fmt.Errorf("the kernel refuses the queue's settings: %w", errno)
		return
	case about == typeVerdictBatch && errno == unix.ENOENT:
		// There was nothing stale.
		return
	}
	n := c.verdictErrors.Add(1)
	if l.given.accepted(m.seq) {
		c.acceptsRefused.Add(1)
	}
	switch errno {
	case unix.EPERM:
		c.verdictsDenied.Add(1)
		l.err = fmt.Errorf("the kernel refuses verdicts, CAP_NET_ADMIN was lost: %w", unix.EPERM)
		return
	case unix.ENOENT:
		c.verdictsGone.Add(1)
	}
	if n&(n-1) == 0 {
		l.q.errorf("queue %d: verdict for packet %d refused: %v (%d so far)", l.q.number, m.seq, errno, n)
	}
}

// idle tells the handler, if it wants to know, that no packet came for a while.
func (l *loop) idle() {
	h, ok := l.h.(Idler)
	if !ok || l.q.ended.Load() {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			l.q.errorf("queue %d: handler panicked while idle: %v\n%s", l.q.number, r, debug.Stack())
		}
	}()
	h.Idle()
}

func (l *loop) complain(n uint64, what string) {
	if n&(n-1) == 0 {
		l.q.errorf("queue %d: %s (%d so far)", l.q.number, what, n)
	}
}
