package queuetest

import (
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Sink receives what passes the queue. Packets that were sent by Source.Send are told
// apart by their number.
type Sink struct {
	conn *net.UDPConn
	done chan struct{}

	received atomic.Uint64
	mu       sync.Mutex
	times    map[uint64]int
}

// Sink starts to receive.
func (n *Net) Sink() (*Sink, error) {
	s := &Sink{done: make(chan struct{}), times: map[uint64]int{}}
	err := n.Do(func() (err error) {
		s.conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: Port})
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.conn.SetReadBuffer(64 << 20); err != nil {
		return nil, err
	}
	go s.read()
	return s, nil
}

func (s *Sink) read() {
	defer close(s.done)
	b := make([]byte, 1<<16)
	for {
		n, _, err := s.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if n >= 8 {
			s.mu.Lock()
			s.times[binary.BigEndian.Uint64(b)]++
			s.mu.Unlock()
		}
		s.received.Add(1)
	}
}

// Received is how many datagrams have come.
func (s *Sink) Received() uint64 { return s.received.Load() }

// Times is how often number i has come.
func (s *Sink) Times(i uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times[i]
}

// Await waits until n datagrams have come, at most for a time that only a machine
// under load needs, and reports whether they have.
func (s *Sink) Await(n uint64) bool {
	for deadline := time.Now().Add(5 * time.Second); s.Received() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// Close ends the receiving.
func (s *Sink) Close() {
	s.conn.Close()
	<-s.done
}

// Source sends numbered datagrams through the queue.
type Source struct {
	conn *net.UDPConn
	b    []byte
	sent uint64
}

// Source makes one whose datagrams carry size bytes, at least 8.
func (n *Net) Source(size int) (*Source, error) {
	s := &Source{b: make([]byte, size)}
	err := n.Do(func() (err error) {
		s.conn, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: Port})
		return err
	})
	return s, err
}

// Send sends the next number.
func (s *Source) Send() error {
	binary.BigEndian.PutUint64(s.b, s.sent)
	if _, err := s.conn.Write(s.b); err != nil {
		return err
	}
	s.sent++
	return nil
}

// Sent is how many were sent; their numbers are those below it.
func (s *Source) Sent() uint64 { return s.sent }

// Close closes its socket.
func (s *Source) Close() { s.conn.Close() }

// Hole makes a socket for what passes the queue, from which nobody reads; what does
// not fit into it is dropped by the kernel.
func (n *Net) Hole() (fd int, err error) {
	err = n.Do(func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
		return unix.Bind(fd, &unix.SockaddrInet4{Port: Port, Addr: [4]byte{127, 0, 0, 1}})
	})
	return fd, err
}
