package links

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// notices is a run of notices. It belongs to one goroutine, but may be ended by
// another. There is one of each kind for a watcher's whole life: whoever is locked
// into what it has opened gets no other.
type notices[T any] interface {
	// next returns the next notice. It waits for it until then, for ever if then
	// is zero, and returns errQuiet if there was none, errLost if some were lost
	// before the next. Other errors are the end.
	next(then time.Time) (T, error)
	// end ends the run; ending it twice is harmless.
	end()
}

var (
	errQuiet = errors.New("no notice")
	errLost  = errors.New("notices were lost")
)

// feed reads notices from the kernel. Those that nobody takes wait in the
// socket's buffer, which has a limit; the kernel says when it was too small, and
// the next ones come by the same socket.
type feed[T any] struct {
	file   *os.File
	raw    syscall.RawConn
	buffer []byte
	rest   []byte // of the datagram
	read   func(header, []byte) (n T, ok bool)
}

// noticeBuffer holds the notices of some thousand links.
const noticeBuffer = 1 << 20

// newFeed subscribes to groups; those of optional may be unknown to the kernel.
func newFeed[T any](ns netns.NsHandle, groups, optional []int, read func(header, []byte) (T, bool)) (*feed[T], error) {
	fd, err := dial(ns)
	if err != nil {
		return nil, err
	}
	for _, group := range groups {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			unix.Close(fd)
			return nil, err
		}
	}
	for _, group := range optional {
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group)
	}
	// The limit for everybody is below what a burst of a routing daemon needs.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, noticeBuffer) != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, noticeBuffer)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	f := &feed[T]{file: os.NewFile(uintptr(fd), "rtnetlink"), buffer: make([]byte, largest), read: read}
	if f.raw, err = f.file.SyscallConn(); err != nil {
		f.end()
		return nil, err
	}
	return f, nil
}

func (f *feed[T]) end() { f.file.Close() }

func (f *feed[T]) next(then time.Time) (none T, err error) {
	for {
		for h, body := range messages(f.rest) {
			f.rest = f.rest[min(aligned(unix.NLMSG_HDRLEN+len(body)), len(f.rest)):]
			if n, ok := f.read(h, body); ok {
				return n, nil
			}
		}
		n, err := f.receive(then)
		switch {
		case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM):
			return none, errLost
		case errors.Is(err, unix.EAGAIN), errors.Is(err, os.ErrDeadlineExceeded):
			return none, errQuiet
		case err != nil:
			return none, fmt.Errorf("the kernel's notices: %w", err)
		case n > len(f.buffer):
			return none, errLost
		}
		f.rest = f.buffer[:n]
	}
}

// receive reads one datagram. The length may be more than what was read.
func (f *feed[T]) receive(then time.Time) (n int, err error) {
	wait := then.IsZero() || time.Now().Before(then)
	deadline := then
	if !wait {
		deadline = time.Time{} // a deadline that has passed would hide what is there
	}
	if err := f.file.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	var inner error
	err = f.raw.Read(func(fd uintptr) (done bool) {
		for {
			n, _, inner = unix.Recvfrom(int(fd), f.buffer, unix.MSG_TRUNC)
			if !errors.Is(inner, unix.EINTR) {
				return !wait || !errors.Is(inner, unix.EAGAIN)
			}
		}
	})
	if err != nil {
		return 0, err
	}
	return n, inner
}
