package icmp

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// port is the edge to the kernel: the socket, or a stand-in for it in tests.
type port interface {
	// send gives a packet with its IP header to the kernel. It does not wait.
	send(packet []byte, to [4]byte) error
	close() error
}

// OpenSocket makes the socket that New needs, in the network namespace of the
// calling thread. It fails without CAP_NET_RAW over that, with an error that matches
// os.ErrPermission; from then on nobody needs the capability, and the file may be
// handed to another process.
func OpenSocket() (*os.File, error) {
	// The protocol IPPROTO_RAW implies IP_HDRINCL.
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("icmp: CAP_NET_RAW is missing in this network namespace: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("icmp: raw socket: %w", err)
	}
	// The socket also gets packets of IP protocol 255, which anybody may send and
	// nobody reads: as little as possible shall wait here.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 0); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("icmp: raw socket: receive buffer: %w", err)
	}
	return os.NewFile(uintptr(fd), "raw socket"), nil
}

// rawSocket sends packets whose IP header is written here. Only one goroutine
// sends; any may close.
type rawSocket struct {
	file *os.File
	conn syscall.RawConn // keeps a late packet from a descriptor that was closed

	// For write, which is made once.
	packet []byte
	to     unix.SockaddrInet4
	err    error
	write  func(fd uintptr)
}

// newRawSocket refuses a file that is anything else than a socket of OpenSocket: by
// a mistake in numbering descriptors, errors would go where nobody looks for them.
func newRawSocket(f *os.File) (*rawSocket, error) {
	s := &rawSocket{file: f}
	var err error
	if s.conn, err = f.SyscallConn(); err != nil {
		return nil, fmt.Errorf("raw socket: %w", err)
	}
	if e := s.conn.Control(func(fd uintptr) { err = isRaw(int(fd)) }); e != nil {
		err = e
	}
	if err != nil {
		return nil, fmt.Errorf("raw socket: %w", err)
	}
	s.write = func(fd uintptr) {
		// Whoever handed the descriptor on may have made it one that waits.
		s.err = unix.Sendto(int(fd), s.packet, unix.MSG_DONTWAIT, &s.to)
	}
	return s, nil
}

var errNotRaw = errors.New("the descriptor is not a socket of this kind")

func isRaw(fd int) error {
	for _, o := range []struct{ option, want int }{
		{unix.SO_DOMAIN, unix.AF_INET}, {unix.SO_TYPE, unix.SOCK_RAW}, {unix.SO_PROTOCOL, unix.IPPROTO_RAW},
	} {
		switch got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, o.option); {
		case err != nil:
			return fmt.Errorf("%w: %w", errNotRaw, err)
		case got != o.want:
			return errNotRaw
		}
	}
	return nil
}

func (s *rawSocket) send(packet []byte, to [4]byte) error {
	s.packet, s.to.Addr = packet, to
	err := s.conn.Control(s.write)
	s.packet = nil
	if err != nil {
		return err
	}
	return s.err
}

func (s *rawSocket) close() error {
	if err := s.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
