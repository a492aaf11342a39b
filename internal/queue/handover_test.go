package queue_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"labelgate/internal/queue"
	"labelgate/internal/queue/queuetest"
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

func account(t *testing.T, s *queuetest.Stream, lost int) {
	t.Helper()
	t.Logf("%d lost", lost)
	if err := s.Account(uint64(lost)); err != nil {
		t.Error(err)
	}
}

// TestPlannedHandover: from process to process, and from program to program in one
// process, under a stream of packets, nothing is lost.
func TestPlannedHandover(t *testing.T) {
	n, socket := newNet(t, childQueue)
	s := newStream(t, n)
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
	end(t, s)
	k := startKid(t, n, socket, "accept")
	stale += k.says("stale")
	account(t, s, 0)
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
	end(t, s)
	k := startKid(t, n, socket, "accept")
	lost += k.says("stale")
	account(t, s, lost)
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
