package links

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// change is what a notice says about where packets go.
type change uint8

const (
	changedAny    change = iota // a rule or a setting
	changedLink                 // a link or an address; routes that depend on it go unsaid
	changedObject               // a next hop that is kept apart from its routes
	routeAdded                  // beside those with the same key
	routeReplaced               // one with the same key went for it
	routeRemoved
)

// routeNotice is a change; route is valid for the changes of routes, until the
// next notice is taken.
type routeNotice struct {
	change change
	route  route
}

// routeNotices is a run of notices. It belongs to one goroutine, but may be ended
// by another.
type routeNotices interface {
	// next returns the next notice. It waits for it until then, for ever if then
	// is zero, and returns errQuiet if there was none, errLost if some were lost
	// before the next. Other errors are the end.
	next(then time.Time) (routeNotice, error)
	// end ends the run; ending it twice is harmless.
	end()
}

var (
	errQuiet = errors.New("no notice")
	errLost  = errors.New("notices were lost")
)

// routeFeed reads notices from the kernel. Those that nobody takes wait in the
// socket's buffer, which has a limit; the kernel says when it was too small.
type routeFeed struct {
	file   *os.File
	raw    syscall.RawConn
	buffer []byte
	rest   []byte // of the datagram
}

func (r *rtnetlink) subscribeRoutes() (routeNotices, error) {
	fd, err := dial(r.ns)
	if err != nil {
		return nil, fmt.Errorf("watch routes: %w", err)
	}
	for _, group := range []int{unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV4_RULE} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			unix.Close(fd)
			return nil, fmt.Errorf("watch routes: %w", err)
		}
	}
	// Kernels before Linux 5.3 do not know next hops apart from routes.
	for _, group := range []int{unix.RTNLGRP_IPV4_NETCONF, unix.RTNLGRP_NEXTHOP} {
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group)
	}
	// The limit for everybody is below what a burst of a routing daemon needs.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, noticeBuffer) != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, noticeBuffer)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watch routes: %w", err)
	}
	f := &routeFeed{file: os.NewFile(uintptr(fd), "rtnetlink"), buffer: make([]byte, largest)}
	if f.raw, err = f.file.SyscallConn(); err != nil {
		f.end()
		return nil, fmt.Errorf("watch routes: %w", err)
	}
	return f, nil
}

func (f *routeFeed) end() { f.file.Close() }

func (f *routeFeed) next(then time.Time) (routeNotice, error) {
	for {
		for h, body := range messages(f.rest) {
			f.rest = f.rest[min(aligned(unix.NLMSG_HDRLEN+len(body)), len(f.rest)):]
			return noticeOf(h, body), nil
		}
		n, err := f.receive(then)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			return routeNotice{}, errLost
		case errors.Is(err, unix.EAGAIN), errors.Is(err, os.ErrDeadlineExceeded):
			return routeNotice{}, errQuiet
		case err != nil:
			return routeNotice{}, fmt.Errorf("notices of routes: %w", err)
		case n > len(f.buffer):
			return routeNotice{}, errLost
		}
		f.rest = f.buffer[:n]
	}
}

// receive reads one datagram. The length may be more than what was read.
func (f *routeFeed) receive(then time.Time) (n int, err error) {
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

// noticeOf reads a message. One that says nothing of use is changedAny.
func noticeOf(h header, body []byte) routeNotice {
	switch h.kind {
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		r, ok := parseRoute(body)
		switch {
		case !ok:
		case h.kind == unix.RTM_DELROUTE:
			return routeNotice{routeRemoved, r}
		case h.flags&unix.NLM_F_REPLACE != 0:
			return routeNotice{routeReplaced, r}
		default:
			return routeNotice{routeAdded, r}
		}
	case unix.RTM_NEWLINK, unix.RTM_DELLINK, unix.RTM_NEWADDR, unix.RTM_DELADDR:
		return routeNotice{change: changedLink}
	case unix.RTM_NEWNEXTHOP, unix.RTM_DELNEXTHOP:
		return routeNotice{change: changedObject}
	}
	return routeNotice{change: changedAny}
}
