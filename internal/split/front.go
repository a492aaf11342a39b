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
	// is called before they are dropped, by the goroutine that serves the
	// queue, so it should be quick. It may call Attach. It may be nil.
	Lost func(packets int, why error)
	// Tests are asked when the queue was idle.
	Tests []Test
}

// Front hands packets to a judge in another process. It is the handler of one
// queue; Handle, Wait and Idle are called by that queue, all else by anybody.
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
	old     []*Link       // given up; verdicts may still point into the last
	gone    Counters      // of judges whose memory is gone

	stop     <-chan struct{} // of the queue
	attached atomic.Bool
	progress progress

	testPackets  []queue.Packet
	testVerdicts []queue.Verdict
}

var _ queue.Handler = (*Front)(nil)

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

// Attach gives the packets to a judge from the next batch on. While there is
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
// replaced may still count the records that it sends at its end.
func (f *Front) reap() {
	for len(f.old) > 1 {
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

// begin returns the judge to ask, nil when the queue is to end.
func (f *Front) begin(n int) *Link {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.progress.held.Store(int64(n))
	f.reap()
	if !f.waitForJudge() {
		return nil
	}
	f.busy = true
	return f.link
}

// end is called after each begin that returned a judge.
func (f *Front) end(failed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy = false
	if failed {
		f.retire()
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
	defer f.progress.held.Store(0)
	for {
		l := f.begin(len(packets))
		if l == nil {
			f.progress.lost.Add(uint64(len(packets)))
			f.lost(len(packets), ErrStopped)
			return
		}
		handed, err := f.exchange(l, packets, verdicts, packetBatch)
		f.end(err != nil)
		if err == nil {
			f.progress.answered(f.start, len(packets))
			return
		}
		clear(verdicts)
		if handed {
			f.progress.lost.Add(uint64(len(packets)))
			f.lost(len(packets), err)
			return
		}
		// It was gone before it could see this batch: the next may have it.
		f.lost(0, err)
	}
}

func (f *Front) exchange(l *Link, packets []queue.Packet, verdicts []queue.Verdict, k kind) (handed bool, err error) {
	l.put(packets)
	start := time.Now()
	if handed, err = l.hand(len(packets), k); err != nil {
		return handed, err
	}
	if err = l.await(len(packets), k, start, f.timeout); err != nil {
		return true, err
	}
	return true, l.take(verdicts)
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
	f.old = nil
}
