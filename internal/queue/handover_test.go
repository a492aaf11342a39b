package queue_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"labelgate/internal/queue"
	"labelgate/internal/queue/queuetest"
)

// stream sends packets through a queue until it is told to end.
type stream struct {
	source *queuetest.Source
	sink   *queuetest.Sink
	stop   chan struct{}
	done   sync.WaitGroup
	err    error
}

// newNet makes a network and an open queue in it, of which only the returned socket
// is left in this process.
func newNet(t *testing.T, number uint16) (*queuetest.Net, *os.File) {
	t.Helper()
	n, err := queuetest.New(number)
	if errors.Is(err, queuetest.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	q, err := queue.Open(queue.Config{Number: number, NetNS: n.FD()})
	if err != nil {
		t.Fatal(err)
	}
	f, err := q.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	q.Release()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Stats(); err != nil {
		t.Fatalf("the queue did not outlive its first owner: %v", err)
	}
	return n, f
}

func newStream(t *testing.T, n *queuetest.Net, pause time.Duration) *stream {
	t.Helper()
	s := &stream{stop: make(chan struct{})}
	var err error
	if s.sink, err = n.Sink(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.sink.Close)
	if s.source, err = n.Source(100); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.source.Close)
	s.done.Go(func() {
		for s.err == nil {
			select {
			case <-s.stop:
				return
			default:
			}
			for range 4 {
				if s.err = s.source.Send(); s.err != nil {
					return
				}
			}
			time.Sleep(pause)
		}
	})
	return s
}

func (s *stream) end(t *testing.T) {
	t.Helper()
	close(s.stop)
	s.done.Wait()
	if s.err != nil {
		t.Fatal(s.err)
	}
}

// account checks that of all packets exactly lost did not come, and none came twice.
func (s *stream) account(t *testing.T, n *queuetest.Net, lost uint64) {
	t.Helper()
	sent := s.source.Sent()
	s.sink.Await(sent - lost)
	time.Sleep(20 * time.Millisecond) // for what must not come
	if got := s.sink.Received(); got != sent-lost {
		t.Errorf("%d of %d packets came, want %d: %d lost", got, sent, sent-lost, lost)
	}
	for i := range sent {
		if s.sink.Times(i) > 1 {
			t.Errorf("packet %d came %d times", i, s.sink.Times(i))
		}
	}
	k, err := n.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if k.Depth != 0 || k.QueueDropped != 0 || k.UserDropped != 0 {
		t.Errorf("the kernel's account: %+v", k)
	}
	t.Logf("%d packets, %d lost", sent, lost)
}

// TestPlannedHandover: from process to process, and from program to program in one
// process, under a stream of packets, nothing is lost.
func TestPlannedHandover(t *testing.T) {
	n, socket := newNet(t, childQueue)
	s := newStream(t, n, 100*time.Microsecond)
	stale := 0
	for range 10 {
		k := startKid(t, n, socket, "accept")
		stale += k.says("stale")
		for range 2 {
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
			if _, err := k.in.Write([]byte("again\n")); err != nil {
				t.Fatal(err)
			}
			k.says("released")
			stale += k.says("stale")
		}
		k.quit()
	}
	s.end(t)
	k := startKid(t, n, socket, "accept")
	stale += k.says("stale")
	s.account(t, n, 0)
	k.quit()
	if stale != 0 {
		t.Errorf("%d packets were stale", stale)
	}
}

// TestKilledOwner: what a killed process had taken and not answered is lost, and
// nothing else, and it is counted by its successor.
func TestKilledOwner(t *testing.T) {
	n, socket := newNet(t, childQueue)
	s := newStream(t, n, 100*time.Microsecond)
	lost := 0
	for range 10 {
		k := startKid(t, n, socket, "hold")
		lost += k.says("stale")
		held := k.says("holds")
		k.kill()
		next := startKid(t, n, socket, "accept")
		if stale := next.says("stale"); stale != held {
			t.Errorf("%d packets are stale, %d were held", stale, held)
		} else {
			lost += stale
		}
		// Killed at any moment, it may have answered all it had or not.
		time.Sleep(time.Duration(rand.IntN(30000)) * time.Microsecond)
		next.kill()
	}
	s.end(t)
	k := startKid(t, n, socket, "accept")
	lost += k.says("stale")
	s.account(t, n, uint64(lost))
	k.quit()
}

// TestAdoptRefuses what is no open queue.
func TestAdoptRefuses(t *testing.T) {
	n, socket := newNet(t, childQueue)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := queue.Adopt(queue.Config{Number: childQueue, NetNS: n.FD()}, int(r.Fd())); err == nil {
		t.Error("adopted a pipe")
	}
	for name, c := range map[string]queue.Config{"another queue": {Number: 99, NetNS: n.FD()}, "another namespace": {Number: childQueue}} {
		if _, err := queue.Adopt(c, int(socket.Fd())); !errors.Is(err, os.ErrPermission) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := n.Stats(); err != nil {
		t.Errorf("the queue did not survive: %v", err)
	}
}
