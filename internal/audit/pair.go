package audit

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// DefaultBuffer is how many bytes of records wait for the auditor before a Pipe
// is full.
const DefaultBuffer = 4 << 20

// MaxDatagram is the length in bytes of the longest datagram that a Pipe sends
// and an auditor reads. The kernel copies such a one into single pages; it need
// not find a large piece of memory in one.
const MaxDatagram = 64 << 10

// MaxLine is the length in bytes of the longest line in a datagram, its end
// included. A Pipe cuts the texts of a record that is longer.
const MaxLine = 16 << 10

// soPassRights is SO_PASSRIGHTS of Linux 6.16 (asm-generic/socket.h).
const soPassRights = 83

// NewPair returns the two ends of the socket between those who record and their
// auditor, close-on-exec. All producers may share theirs, also after it was
// inherited: a datagram is never mixed with another. What was sent outlives
// either side as long as somebody holds both ends.
//
// The kernel tells the auditor's end who sent a datagram and when it arrived.
func NewPair(buffer int) (producer, auditor *os.File, err error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("audit socket: %w", err)
	}
	producer, auditor = os.NewFile(uintptr(ends[0]), "audit producer"), os.NewFile(uintptr(ends[1]), "audit auditor")
	err = SetBuffer(ends[0], buffer)
	for _, option := range []int{unix.SO_PASSCRED, unix.SO_TIMESTAMPNS} {
		if err == nil {
			err = unix.SetsockoptInt(ends[1], unix.SOL_SOCKET, option, 1)
		}
	}
	// A kernel that knows this refuses descriptors that somebody sends.
	_ = unix.SetsockoptInt(ends[1], unix.SOL_SOCKET, soPassRights, 0)
	if err != nil {
		producer.Close()
		auditor.Close()
		return nil, nil, fmt.Errorf("audit socket: %w", err)
	}
	return producer, auditor, nil
}

// SetBuffer bounds the bytes that wait in a producer's end. Beyond
// net.core.wmem_max it needs CAP_NET_ADMIN; without, the buffer is as large as
// that allows.
func SetBuffer(fd, bytes int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, bytes) == nil {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, bytes)
}
