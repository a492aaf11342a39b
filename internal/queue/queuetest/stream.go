package queuetest

import (
	"fmt"
	"sync"
	"time"

	"labelgate/internal/queue"
)

// Stream sends packets through the queue, and receives them, until it is ended. It
// waits while half a queue of queue.DefaultLength is taken: what is lost shall not be
// lost for want of room.
type Stream struct {
	net    *Net
	source *Source
	sink   *Sink
	stop   chan struct{}
	ending sync.Once
	done   chan error
}

// Stream starts one.
func (n *Net) Stream() (*Stream, error) {
	sink, err := n.Sink()
	if err != nil {
		return nil, err
	}
	source, err := n.Source(100)
	if err != nil {
		sink.Close()
		return nil, err
	}
	s := &Stream{net: n, source: source, sink: sink, stop: make(chan struct{}), done: make(chan error, 1)}
	go func() { s.done <- s.send() }()
	return s, nil
}

func (s *Stream) send() error {
	for {
		for range 32 {
			if err := s.source.Send(); err != nil {
				return err
			}
		}
		for {
			select {
			case <-s.stop:
				return nil
			case <-time.After(100 * time.Microsecond):
			}
			k, err := s.net.Stats()
			if err != nil {
				return err
			}
			if k.Depth < queue.DefaultLength/2 {
				break
			}
		}
	}
}

// End stops the sending and returns how many packets were sent.
func (s *Stream) End() (sent uint64, err error) {
	s.ending.Do(func() {
		close(s.stop)
		err = <-s.done
	})
	return s.source.Sent(), err
}

// Account checks, after End, that of all that was sent exactly lost did not come, that
// nothing came twice, and that the kernel dropped nothing by itself and holds nothing.
func (s *Stream) Account(lost uint64) error {
	sent := s.source.Sent()
	s.sink.Await(sent - lost)
	time.Sleep(20 * time.Millisecond) // for what must not come
	if got := s.sink.Received(); got != sent-lost {
		return fmt.Errorf("%d of %d packets came, %d were told lost", got, sent, lost)
	}
	for i := range sent {
		if n := s.sink.Times(i); n > 1 {
			return fmt.Errorf("packet %d came %d times", i, n)
		}
	}
	k, err := s.net.Stats()
	if err == nil && (k.Depth != 0 || k.QueueDropped != 0 || k.UserDropped != 0) {
		err = fmt.Errorf("the kernel dropped or holds packets: %+v", k)
	}
	return err
}

// Received is how many packets have come.
func (s *Stream) Received() uint64 { return s.sink.Received() }

// Close ends everything.
func (s *Stream) Close() {
	_, _ = s.End()
	s.source.Close()
	s.sink.Close()
}
