package queue_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"labelgate/internal/queue"
	"labelgate/internal/queue/queuetest"
	"labelgate/test/figures"
	"labelgate/test/long"
)

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

func newStream(t *testing.T, n *queuetest.Net) *queuetest.Stream {
	t.Helper()
	s, err := n.Stream()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func end(t *testing.T, s *queuetest.Stream) {
	t.Helper()
	sent, err := s.End()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d packets", sent)
}

// account reports under a name what became of the packets.
func account(t *testing.T, s *queuetest.Stream, name string, lost int) {
	t.Helper()
	if err := s.Account(uint64(lost)); err != nil {
		t.Error(err)
	}
	sent, _ := s.End()
	long.Report(t,
		figures.Figure{ID: name + "/packets", Value: float64(sent), Unit: "packets"},
		figures.Figure{ID: name + "/lost", Value: float64(lost), Unit: "packets"},
		figures.Figure{ID: name + "/unaccounted", Value: math.Abs(float64(sent) - float64(s.Received()) - float64(lost)), Unit: "packets"}.AtMost(0))
}

// TestPlannedHandover: from process to process, and from program to program in one
// process, under a stream of packets, nothing is lost.
func TestPlannedHandover(t *testing.T) {
	n, socket := newNet(t, childQueue)
	s := newStream(t, n)
	stale := 0
	for range long.Count(10, 200) {
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
	end(t, s)
	k := startKid(t, n, socket, "accept")
	stale += k.says("stale")
	account(t, s, "queue/handover/planned", 0)
	k.quit()
	if stale != 0 {
		t.Errorf("%d packets were stale", stale)
	}
}

// TestKilledOwner: what a killed process had taken and not answered is lost, and
// nothing else, and it is counted by its successor.
func TestKilledOwner(t *testing.T) {
	n, socket := newNet(t, childQueue)
	s := newStream(t, n)
	lost := 0
	for range long.Count(10, 200) {
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
	end(t, s)
	k := startKid(t, n, socket, "accept")
	lost += k.says("stale")
	account(t, s, "queue/handover/killed", lost)
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

// TestAdoptedClose: to take a queue down ends it for all who have its socket; to give
// it up ends it for nobody.
func TestAdoptedClose(t *testing.T) {
	n, socket := newNet(t, childQueue)
	adopt := func() *queue.Queue {
		t.Helper()
		q, err := queue.Adopt(queue.Config{Number: childQueue, NetNS: n.FD(), Errorf: t.Errorf}, dup(t, int(socket.Fd())))
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	for _, run := range []bool{false, true} {
		q := adopt()
		done := make(chan error, 1)
		if run {
			go func() { done <- q.Run(t.Context(), dropAll{}) }()
		} else {
			done <- nil
		}
		q.Release()
		if err := errors.Join(<-done, q.Close()); err != nil {
			t.Error(err)
		}
		if _, err := q.File(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("File after Close: %v", err)
		}
		if _, err := n.Stats(); err != nil {
			t.Errorf("the queue ended with one that was given up: %v", err)
		}
	}
	q := adopt()
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- q.Run(ctx, dropAll{}) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := n.Stats(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the queue is still there: %v", err)
	}
	if _, err := queue.Adopt(queue.Config{Number: childQueue, NetNS: n.FD()}, int(socket.Fd())); !errors.Is(err, os.ErrPermission) {
		t.Errorf("adopted what is no queue: %v", err)
	}
}
