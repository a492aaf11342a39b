package icmp

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// port is the edge to the kernel: the socket, or a stand-in for it in tests.
type port interface {
	// send gives a packet with its IP header to the kernel. It does not wait.
	send(packet []byte, to [4]byte) error
	close() error
}

// rawSocket sends packets whose IP header is written here.
type rawSocket struct {
	to unix.SockaddrInet4

	// mu keeps a late packet from reaching a descriptor that was closed, and
	// perhaps given to another file since.
	mu     sync.Mutex
	fd     int
	closed bool
}

// openSocket makes the socket in the network namespace of the calling thread. The
// protocol IPPROTO_RAW implies IP_HDRINCL.
func openSocket() (*rawSocket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("CAP_NET_RAW is missing in this network namespace: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("raw socket: %w", err)
	}
	// The socket also gets packets of IP protocol 255, which anybody may send and
	// nobody reads: as little as possible shall wait here.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 0); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("raw socket: receive buffer: %w", err)
	}
	return &rawSocket{fd: fd}, nil
}

func (s *rawSocket) send(packet []byte, to [4]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return unix.EBADF
	}
	s.to.Addr = to
	return unix.Sendto(s.fd, packet, 0, &s.to)
}

func (s *rawSocket) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return unix.Close(s.fd)
}
