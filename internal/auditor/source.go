package auditor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
)

// source is the auditor's end of the socket.
type source struct {
	file   *os.File
	buffer []byte
	oob    []byte
}

// datagram is what is first in the socket. Its bytes are valid until the next one
// is looked at.
type datagram struct {
	bytes   []byte
	length  int // that it had; more than there are bytes when it was too long
	arrived time.Time
	pid     uint32 // of who sent it, says the kernel
	uid     uint32
}

var (
	errNothing = errors.New("nothing came") // in time
	errOver    = io.EOF                     // nobody can send any more
)

// openSource takes over a descriptor.
func openSource(fd int) (*source, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return nil, fmt.Errorf("audit socket: descriptor %d: %w", fd, err)
	}
	if kind != unix.SOCK_SEQPACKET {
		return nil, fmt.Errorf("audit socket: descriptor %d is a socket of type %d, want SOCK_SEQPACKET", fd, kind)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("audit socket: %w", err)
	}
	// Without these an empty datagram looks like the end.
	for _, option := range []int{unix.SO_PASSCRED, unix.SO_TIMESTAMPNS} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1); err != nil {
			return nil, fmt.Errorf("audit socket: %w", err)
		}
	}
	return &source{
		file:   os.NewFile(uintptr(fd), "audit socket"),
		buffer: make([]byte, audit.MaxDatagram),
		oob:    make([]byte, unix.CmsgSpace(unix.SizeofUcred)+unix.CmsgSpace(16)),
	}, nil
}

// wake ends a peek that waits.
func (s *source) wake() { s.file.SetReadDeadline(time.Unix(1, 0)) }

// until sets how long peek waits. Whoever calls wake makes known why before, and
// is to be looked at after this.
func (s *source) until(wait time.Duration) { s.file.SetReadDeadline(time.Now().Add(wait)) }

// peek waits for a datagram and leaves it where it is. It returns errNothing when
// none came in time, and errOver when none will.
func (s *source) peek() (datagram, error) {
	d, err := s.receive(s.buffer, unix.MSG_PEEK)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// There may be one all the same: a deadline that has passed is not asked.
		d, err = s.now(s.buffer, unix.MSG_PEEK)
	}
	return d, err
}

// consume takes out the datagram that peek showed.
func (s *source) consume() error {
	_, err := s.now(nil, 0)
	return err
}

func (s *source) receive(b []byte, flags int) (d datagram, err error) {
	raw, err := s.file.SyscallConn()
	if err != nil {
		return d, err
	}
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		d, failed = s.recvmsg(int(fd), b, flags)
		return !errors.Is(failed, errNothing)
	})
	if err != nil {
		return d, err
	}
	return d, failed
}

// now receives without waiting.
func (s *source) now(b []byte, flags int) (d datagram, err error) {
	raw, err := s.file.SyscallConn()
	if err != nil {
		return d, err
	}
	if failed := raw.Control(func(fd uintptr) { d, err = s.recvmsg(int(fd), b, flags) }); failed != nil {
		return d, failed
	}
	return d, err
}

func (s *source) recvmsg(fd int, b []byte, flags int) (d datagram, err error) {
	for {
		n, oobn, _, _, err := unix.Recvmsg(fd, b, s.oob, flags|unix.MSG_TRUNC|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		switch err {
		case nil:
			d.length, d.bytes = n, b[:min(n, len(b))]
			if !d.attributes(s.oob[:oobn]) && n == 0 {
				return d, errOver
			}
			return d, nil
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return d, errNothing
		}
		return d, fmt.Errorf("audit socket: %w", err)
	}
}

// attributes reads what the kernel says of a datagram. It reports false when it
// says nothing, which is so only at the end.
func (d *datagram) attributes(oob []byte) bool {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return len(oob) > 0
	}
	for _, m := range messages {
		switch {
		case m.Header.Level != unix.SOL_SOCKET:
		case m.Header.Type == unix.SCM_CREDENTIALS:
			if c, err := unix.ParseUnixCredentials(&m); err == nil {
				d.pid, d.uid = uint32(c.Pid), c.Uid
			}
		case m.Header.Type == unix.SCM_RIGHTS:
			// Descriptors that somebody sends are not wanted, and each look at the
			// datagram would make more of them.
			fds, _ := unix.ParseUnixRights(&m)
			for _, fd := range fds {
				unix.Close(fd)
			}
		case m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16:
			d.arrived = time.Unix(int64(nativeUint64(m.Data)), int64(nativeUint64(m.Data[8:])))
		}
	}
	return len(messages) > 0
}

func (s *source) close() error { return s.file.Close() }
