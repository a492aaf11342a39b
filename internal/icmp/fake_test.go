package icmp

import (
	"context"
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
	"time"

	"labelgate/internal/ipv4"
)

// fakePort keeps what it is sent, or fails.
type fakePort struct {
	fails error

	mu   sync.Mutex
	sent [][]byte
	to   [][4]byte
}

func (f *fakePort) send(packet []byte, to [4]byte) error {
	if f.fails != nil {
		return f.fails
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, append([]byte(nil), packet...))
	f.to = append(f.to, to)
	return nil
}

func (f *fakePort) close() error { return nil }

// idlePort takes everything and keeps nothing.
type idlePort struct{}

func (idlePort) send([]byte, [4]byte) error { return nil }
func (idlePort) close() error               { return nil }

// unlimited is more than a test sends.
var unlimited = Config{All: Limit{maxLimit, maxLimit}, Network: Limit{maxLimit, maxLimit}}

// drain writes what waits, as Run does.
func (s *Sender) drain() {
	for len(s.waiting) > 0 {
		s.write(<-s.waiting)
	}
}

// run starts Run until the test ends.
func run(t *testing.T, s *Sender) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// until waits for something that another goroutine does.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// prohibited returns an ICMP message, type 3 code 13, whose quote has length
// bytes and starts with n.
func prohibited(n uint32, length int) []byte {
	m := make([]byte, icmpHeaderLen+length)
	m[0], m[1] = 3, 13
	var number [4]byte
	binary.BigEndian.PutUint32(number[:], n)
	copy(m[icmpHeaderLen:], number[:])
	binary.BigEndian.PutUint16(m[2:], ipv4.Checksum(m))
	return m
}

var receiver = netip.MustParseAddr("192.0.2.2")
