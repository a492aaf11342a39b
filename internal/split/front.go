package split

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"labelgate/internal/queue"
)

// DefaultTimeout is how long a judge may take for a batch where Config says nothing.
const DefaultTimeout = 2 * time.Second

// Config says how a Front treats its judges.
type Config struct {
	// Timeout is how long a judge may take for a batch; 0 is DefaultTimeout.
	Timeout time.Duration
	// Lost is told once about every judge that failed: how many packets it
	// had and did not answer, which are dropped, and why it is given up. It
	// is called before they are dropped and before another judge is asked, by
	// the goroutine that serves the queue. So it should be quick, and it must
	// not call Attach, which waits for it. It may be nil.
	Lost func(packets int, why error)
	// Tests are asked when the queue was idle.
	Tests []Test
}

// Front hands packets to a judge in another process. It is the handler of one
// queue, which calls Handle, Begin, Finish, Wait and Idle; all else may be called by
// anybody.
type Front struct {
	timeout time.Duration
	lost    func(int, error)
	tests   []Test
	start   time.Time

	mu      sync.Mutex
	link    *Link         // nil: no judge
	next    *Link         // to be attached between two batches
	busy    bool          // a batch is handed out
	closed  bool          //
	changed chan struct{} // closed and replaced when one of these changed
	old     []*Link       // given up
	last    *Link         // that answered last: verdicts may still point into it
	gone    Counters      // of judges whose memory is gone

	// Of the batch that is handed out; of the queue's goroutine.
	asked  *Link
	since  time.Time
	failed error // to hand it out

	stop     <-chan struct{} // of the queue
	attached atomic.Bool
	progress progress

	testPackets  []queue.Packet
	testVerdicts []queue.Verdict
}

var (
	_ queue.Pipeline = (*Front)(nil)
	_ queue.Gate     = (*Front)(nil)
	_ queue.Idler    = (*Front)(nil)
)

// NewFront makes a Front without a judge: packets wait until one is attached.
func NewFront(c Config) *Front {
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Lost == nil {
		c.Lost = func(int, error) {}
	}
	f := &Front{timeout: c.Timeout, lost: c.Lost, tests: c.Tests[:min(len(c.Tests), Batch)], start: time.Now(), changed: make(chan struct{})}
	for _, t := range f.tests {
		f.testPackets = append(f.testPackets, t.Packet)
	}
	f.testVerdicts = make([]queue.Verdict, len(f.tests))
	return f
}

// Attach gives the packets to a judge from the next batch on. It should be one that is
// ready: what it does before it answers counts as time taken for that batch. While there is
// another that works, it is given up between two batches and nothing is lost: it
// answers what it has, and then sees the end of its socket. Attach returns when that
// is so. It fails when the Front was closed; the link is then discarded.
func (f *Front) Attach(l *Link) error {
	l.Started()
	if err := l.line.limit(f.timeout); err != nil {
		l.abandon()
		return fmt.Errorf("time limit of the socket to the judge: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.next != nil && !f.closed {
		f.wait()
	}
	if f.closed {
		l.abandon()
		return fmt.Errorf("judge not attached: the queue's front was closed")
	}
	f.next = l
	if !f.busy {
		f.swap()
	}
	for f.next == l && !f.closed {
		f.wait()
	}
	return nil
}

// wait gives the lock up until something changed.
func (f *Front) wait() {
	c := f.changed
	f.mu.Unlock()
	<-c
	f.mu.Lock()
}

func (f *Front) signal() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// swap makes the next judge the one that is asked.
func (f *Front) swap() {
	f.retire()
	f.link, f.next = f.next, nil
	f.progress.at.Store(int64(time.Since(f.start)))
	f.attached.Store(true)
	f.signal()
}

// retire gives the judge up. Its memory stays mapped: the queue may be sending what
// the last verdicts point to.
func (f *Front) retire() {
	if f.link == nil {
		return
	}
	f.link.line.hangUp()
	f.old = append(f.old, f.link)
	f.link = nil
	f.attached.Store(false)
}

// reap frees the links that were given up, all but the last: a judge that was
// replaced may still count the records that it sends at its end. The link that the
// queue has its last verdicts from stays too, for they point into it.
func (f *Front) reap() {
	for len(f.old) > 1 && f.old[0] != f.last {
		f.gone.add(&f.old[0].out)
		f.old[0].abandon()
		f.old = f.old[1:]
	}
}

// Wait returns when there is a judge, or when stop, which is remembered, is closed.
// The queue calls it before it takes packets from the kernel.
func (f *Front) Wait(stop <-chan struct{}) {
	f.stop = stop
	if f.attached.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waitForJudge()
}

// waitForJudge reports whether there is one; else the queue is to end.
func (f *Front) waitForJudge() bool {
	for f.link == nil && !f.closed {
		c := f.changed
		f.mu.Unlock()
		select {
		case <-c:
		case <-f.stop:
			f.mu.Lock()
			return f.link != nil
		}
		f.mu.Lock()
	}
	return f.link != nil
}

// begin returns the judge to ask, nil when the queue is to end. It waits until there
// is one.
func (f *Front) begin(n int) *Link {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.progress.held.Store(int64(n))
	if !f.waitForJudge() {
		return nil
	}
	return f.occupy()
}

// tryBegin does not wait.
func (f *Front) tryBegin(n int) *Link {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.link == nil {
		return nil
	}
	f.progress.held.Store(int64(n))
	return f.occupy()
}

func (f *Front) occupy() *Link {
	f.reap()
	f.busy = true
	f.asked = f.link
	return f.asked
}

// end is called after each begin that returned a judge, with the judge when it
// answered; else it is given up.
func (f *Front) end(answered *Link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.progress.held.Store(0)
	f.busy = false
	if answered == nil {
		f.retire()
	} else {
		f.last = answered
	}
	switch {
	case f.next != nil:
		f.swap()
	case f.closed:
		f.signal()
	}
}

// Handle hands packets to the judge and returns its verdicts. While there is no
// judge it waits. Packets that a judge had and did not answer are dropped.
func (f *Front) Handle(packets []queue.Packet, verdicts []queue.Verdict) {
	for len(packets) > 0 {
		n := min(len(packets), Batch)
		f.batch(packets[:n], verdicts[:n])
		packets, verdicts = packets[n:], verdicts[n:]
	}
}

func (f *Front) batch(packets []queue.Packet, verdicts []queue.Verdict) {
	for {
		l := f.begin(len(packets))
		if l == nil {
			f.lose(len(packets), ErrStopped)
			f.progress.held.Store(0)
			return
		}
		if f.give(l, packets) {
			f.Finish(verdicts)
			return
		}
	}
}

// give hands packets to the judge. It reports false when that was gone before it
// could see them: the next may have them.
func (f *Front) give(l *Link, packets []queue.Packet) bool {
	l.put(packets)
	f.since = time.Now()
	handed, err := l.hand(len(packets), packetBatch)
	if err == nil || handed {
		f.failed = err
		return true
	}
	f.giveUp(0, err)
	return false
}

// Begin hands packets to the judge, if there is one. It never waits for it.
func (f *Front) Begin(packets []queue.Packet) bool {
	if len(packets) > Batch {
		return false
	}
	l := f.tryBegin(len(packets))
	return l != nil && f.give(l, packets)
}

// Finish waits for the verdicts of what Begin took. They are drops when the judge had
// the packets and did not answer.
func (f *Front) Finish(verdicts []queue.Verdict) {
	l, n, err := f.asked, len(verdicts), f.failed
	if err == nil {
		err = l.await(n, packetBatch, f.since, f.timeout)
	}
	if err == nil {
		err = l.take(verdicts)
	}
	if err != nil {
		clear(verdicts)
		f.giveUp(n, err)
		return
	}
	f.end(l)
	f.progress.answered(f.start, n)
}

// giveUp ends with the judge that was asked, and tells of n packets that it had.
func (f *Front) giveUp(n int, why error) {
	f.lose(n, why)
	f.end(nil)
}

// lose tells of packets that will be dropped.
func (f *Front) lose(n int, why error) {
	f.progress.lost.Add(uint64(n))
	f.lost(n, why)
}

// Counters returns what all judges counted so far.
func (f *Front) Counters() Counters {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.gone
	for _, l := range f.old {
		all.add(&l.out)
	}
	if f.link != nil {
		all.add(&f.link.out)
	}
	return all
}

// Close gives the judge up and frees everything. Call it when the queue's Run has
// returned: verdicts point into memory that is then gone. A Handle that waits for a
// judge returns, and its packets are dropped.
func (f *Front) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.signal()
	for f.busy {
		f.wait()
	}
	f.retire()
	if f.next != nil {
		f.next.abandon()
		f.next = nil
	}
	for _, l := range f.old {
		f.gone.add(&l.out)
		l.abandon()
	}
	f.old, f.last = nil, nil
}
