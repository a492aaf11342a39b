package split

import (
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
