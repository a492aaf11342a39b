package audit

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// errTooLong: the socket takes datagrams, but none of this length.
var errTooLong = errors.New("an audit record is longer than the socket takes")

// send sends one datagram, or returns at once why not.
func send(fd int, b []byte) error {
	for {
		err := unix.Send(fd, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			return nil
		case unix.EINTR:
			continue
		case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
			return ErrFull
		case unix.EPIPE, unix.ECONNRESET, unix.ECONNREFUSED, unix.ENOTCONN:
			return ErrGone
		case unix.EMSGSIZE:
			return errTooLong
		}
		return fmt.Errorf("audit socket: %w", err)
	}
}
