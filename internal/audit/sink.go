package audit

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultCapacity is the number of records that a Sink holds while its writer
// is slow.
const DefaultCapacity = 4096

// Options of a Sink.
type Options struct {
	Format   Format
	Capacity int              // records, DefaultCapacity when 0
	Now      func() time.Time // time.Now when nil
	// OnError is told of each failed write, from the Sink's own goroutine; nil
	// ignores them. They are counted in any case.
	OnError func(error)
}

// Sink writes records to a writer from a goroutine of its own, so that whoever
// judges packets never waits for a disk. It holds a bounded number of records;
// what finds it full is lost, counted, and admitted to by the next record: a
// suppressed one, whose Count says how many sequence numbers before its own are
// missing. A Sink may be shared.
type Sink struct {
	options Options
	writer  io.Writer

	mu      sync.Mutex
	filling []Record // what Write adds to
	seq     uint64
	lost    uint64 // since the last record that could be kept
	closed  bool

	writing   sync.Mutex // held while records are written; guards what follows
	spare     []Record   // swapped with filling
	buffer    []byte     // lines not yet given to the writer
	torn      bool       // the last write ended inside a line
	unwritten uint64     // records that failed writes lost and no record has admitted to

	wake chan struct{}
	done chan struct{}

	written, lostTotal, failures atomic.Uint64
}

// Stats counts what a Sink did.
type Stats struct {
	Written  uint64 // records given to the writer
	Lost     uint64 // records that found the Sink full or closed, or that the writer did not take
	Failures uint64 // writes that failed
}

// NewSink starts a Sink that writes to w, to which nobody else may write. Close
// ends it.
func NewSink(w io.Writer, o Options) *Sink {
	if o.Capacity <= 0 {
		o.Capacity = DefaultCapacity
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Sink{
		options: o, writer: w,
		filling: make([]Record, 0, o.Capacity), spare: make([]Record, 0, o.Capacity),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go s.run()
	return s
}

// Write hands a copy of r over to be written and returns without waiting for
// that. It sets the copy's sequence number, and its time when it has none. It
// reports false when the record was lost.
func (s *Sink) Write(r *Record) bool {
	s.mu.Lock()
	s.seq++
	if s.closed || len(s.filling) == cap(s.filling) {
		s.lost++
		s.mu.Unlock()
		s.lostTotal.Add(1)
		return false
	}
	s.filling = append(s.filling, *r)
	kept := &s.filling[len(s.filling)-1]
	kept.Seq = s.seq
	if kept.Time.IsZero() {
		kept.Time = s.options.Now()
	}
	select {
	case s.wake <- struct{}{}:
	default: // the flusher is awake already
	}
	s.mu.Unlock()
	return true
}

// Flush returns when every record that was handed over before has been written.
func (s *Sink) Flush() {
	s.writing.Lock()
	defer s.writing.Unlock()
	for s.flush() {
	}
}

// Close writes what is left and ends the Sink. Records that come later are lost
// and counted. The writer is not closed.
func (s *Sink) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.wake)
	}
	s.mu.Unlock()
	<-s.done
}

// Stats returns the counts so far.
func (s *Sink) Stats() Stats {
	return Stats{Written: s.written.Load(), Lost: s.lostTotal.Load(), Failures: s.failures.Load()}
}

func (s *Sink) run() {
	defer close(s.done)
	for range s.wake {
		s.Flush()
	}
	s.Flush()
}
