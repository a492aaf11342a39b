package split

import (
	"encoding/binary"
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kind says what a message is about.
type kind uint32

const (
	packetBatch kind = 1 + iota
	testBatch
)

// message goes through the socket: from the keeper, that a batch lies in the
// memory; from the judge, that its verdicts do.
type message struct {
	sequence uint32 // the same in the answer
	kind     kind   // the same in the answer
	count    uint32 // of packets, the same in the answer
}

const messageLen = 12

// errMessage says that what came is none of our messages.
var errMessage = errors.New("the message has a wrong length")

// line is one end of the socket. It allocates nothing, and belongs to one
// goroutine but for hangUp.
type line struct {
	fd  int
	out [messageLen]byte
	in  [2 * messageLen]byte // longer, so that a message that is too long is seen
}

// socketPair makes both ends.
func socketPair() (a, b int, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	return p[0], p[1], err
}

// limit bounds how long one call waits.
func (l *line) limit(d time.Duration) error {
	t := unix.NsecToTimeval(d.Nanoseconds())
	if err := unix.SetsockoptTimeval(l.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &t); err != nil {
		return err
	}
	return unix.SetsockoptTimeval(l.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &t)
}

func (l *line) send(m message) error {
	binary.NativeEndian.PutUint32(l.out[0:], m.sequence)
	binary.NativeEndian.PutUint32(l.out[4:], uint32(m.kind))
	binary.NativeEndian.PutUint32(l.out[8:], m.count)
	for {
		_, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(l.fd), uintptr(unsafe.Pointer(&l.out[0])), messageLen, unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

// receive waits for a message. It returns unix.ECONNRESET when the other side is
// gone, with or without having read everything, and unix.EINTR so that the
// caller, who knows since when it waits, can look at the clock.
func (l *line) receive() (message, error) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(l.fd), uintptr(unsafe.Pointer(&l.in[0])), uintptr(len(l.in)), 0, 0, 0)
	switch {
	case errno != 0:
		return message{}, errno
	case n == 0:
		return message{}, unix.ECONNRESET
	case n != messageLen:
		return message{}, errMessage
	}
	return message{
		sequence: binary.NativeEndian.Uint32(l.in[0:]),
		kind:     kind(binary.NativeEndian.Uint32(l.in[4:])),
		count:    binary.NativeEndian.Uint32(l.in[8:]),
	}, nil
}

// hangUp ends the connection; the other side and whoever waits here see its end.
func (l *line) hangUp() { _ = unix.Shutdown(l.fd, unix.SHUT_RDWR) }
