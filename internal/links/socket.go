package links

import (
	"errors"
	"os"
	"runtime"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// within runs f on a thread that is in the namespace.
func within(ns netns.NsHandle, f func() error) error {
	if !ns.IsOpen() {
		return f()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: a thread that has moved ends with its goroutine
		err := netns.Set(ns)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// dial opens a socket to the namespace's rtnetlink.
func dial(ns netns.NsHandle) (fd int, err error) {
	err = within(ns, func() error {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return -1, err
	}
	// Once it is connected, nobody but the kernel can write to it.
	kernel := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	if err = unix.Connect(fd, kernel); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// largest is more than a message of rtnetlink can be long.
const largest = 1 << 16

// talk asks rtnetlink questions. It belongs to one goroutine at a time.
type talk struct {
	fd     int
	seq    uint32
	buffer []byte
	given  bool // the last answer was given up; more of it may come
}

// newTalk opens a talk in which no answer is waited for longer than patience.
func newTalk(ns netns.NsHandle, patience time.Duration) (*talk, error) {
	fd, err := dial(ns)
	if err != nil {
		return nil, err
	}
	limit := unix.NsecToTimeval(int64(patience))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &talk{fd: fd, buffer: make([]byte, largest)}, nil
}

func (t *talk) close() { unix.Close(t.fd) }

// next numbers the next question.
func (t *talk) next() uint32 {
	t.seq++
	return t.seq
}

// errLate says that the kernel did not answer in time.
var errLate = errors.New("no answer from the kernel in time")

// ask sends a request that was numbered by next, and hands the messages of the
// answer over. They are valid until take returns. An error of the kernel is a
// unix.Errno.
func (t *talk) ask(r request, deadline time.Time, take func(header, []byte)) error {
	t.given = true
	if _, err := unix.Write(t.fd, r.sealed()); err != nil {
		return err
	}
	for {
		n, err := unix.Read(t.fd, t.buffer)
		switch {
		case errors.Is(err, unix.EINTR):
			n = 0
		case errors.Is(err, unix.EAGAIN):
			return errLate
		case err != nil:
			return err
		}
		for h, body := range messages(t.buffer[:n]) {
			if h.seq != t.seq {
				continue // the answer to a question that was given up
			}
			switch h.kind {
			case unix.NLMSG_ERROR, unix.NLMSG_DONE:
				t.given = false
				if errno := -int32(number(body)); errno != 0 {
					return unix.Errno(errno)
				}
				return nil
			}
			take(h, body)
			if h.flags&unix.NLM_F_MULTI == 0 {
				t.given = false
				return nil
			}
		}
		if time.Now().After(deadline) {
			return errLate
		}
	}
}

// finish takes what is left of an answer that was given up. The kernel begins no
// other list on a socket before; who may open no other has to hear it out.
func (t *talk) finish(deadline time.Time) error {
	for t.given {
		_, _, err := unix.Recvfrom(t.fd, t.buffer, unix.MSG_DONTWAIT)
		switch {
		case err == nil, errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM):
		case errors.Is(err, unix.EAGAIN):
			t.given = false
		default:
			return err
		}
		if time.Now().After(deadline) {
			return errLate
		}
	}
	return nil
}

// broken reports whether an error is that of a socket which will never work again:
// it is closed, or was another descriptor all the time, or is stuck.
func broken(err error) bool {
	for _, e := range []error{os.ErrClosed, unix.EBADF, unix.ENOTSOCK, errStuck} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
