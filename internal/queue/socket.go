package queue

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// receiveTimeout is how long a receive call may sleep. The loop is woken by a
// message when it shall stop; this is for the case that the message is lost.
const receiveTimeout = time.Second

// sendRoom is how much the kernel is asked to take in one datagram: enough that
// a batch of rewritten packets of Ethernet's size goes in one call.
const sendRoom = 256 << 10

// netlinkSocket is the descriptor that go-nfqueue configures and the loop reads.
type netlinkSocket struct {
	fd     int
	portID uint32
	// room is the most bytes that one send may carry.
	room int

	// mu keeps a late wake-up from reaching a descriptor that was closed,
	// and perhaps given to another file since.
	mu     sync.Mutex
	closed bool
}

// inNamespace calls f in the network namespace that the descriptor refers to, or in
// the calling thread's for 0.
func inNamespace(netns int, f func() error) error {
	if netns == 0 {
		return f()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		back, err := enter(netns, f)
		if back {
			runtime.UnlockOSThread()
		}
		// A thread that did not come back from the namespace ends with
		// this goroutine instead of serving others.
		done <- err
	}()
	return <-done
}

// enter calls f in another namespace and reports whether the thread is back in its
// own.
func enter(netns int, f func() error) (back bool, err error) {
	own, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return true, fmt.Errorf("open own network namespace: %w", err)
	}
	defer unix.Close(own)
	if err := unix.Setns(netns, unix.CLONE_NEWNET); err != nil {
		return true, fmt.Errorf("enter network namespace: %w", err)
	}
	err = f()
	return unix.Setns(own, unix.CLONE_NEWNET) == nil, err
}

// openSocket makes a netfilter netlink socket in a network namespace.
func openSocket(netns, receiveBuffer int) (s *netlinkSocket, err error) {
	err = inNamespace(netns, func() error {
		s, err = newSocket(receiveBuffer)
		return err
	})
	return s, err
}

func newSocket(receiveBuffer int) (*netlinkSocket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("netfilter netlink socket: %w", err)
	}
	s := &netlinkSocket{fd: fd}
	err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	if err != nil {
		err = fmt.Errorf("bind netfilter netlink socket: %w", err)
	} else {
		err = s.setUp(receiveBuffer)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return s, nil
}

// setUp reads the socket's port id and sets its options. It is a bound one.
func (s *netlinkSocket) setUp(receiveBuffer int) error {
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		return fmt.Errorf("name of netfilter netlink socket: %w", err)
	}
	nl, ok := name.(*unix.SockaddrNetlink)
	if !ok {
		return errors.New("name of netfilter netlink socket: not a netlink address")
	}
	s.portID = nl.Pid

	timeout := unix.NsecToTimeval(receiveTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return fmt.Errorf("receive timeout: %w", err)
	}
	// Without this an overflow makes the kernel refuse everything until the
	// socket is empty. The loss itself is counted by the kernel either way
	// (KernelStats.UserDropped).
	if err := unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_NO_ENOBUFS, 1); err != nil {
		return fmt.Errorf("option NO_ENOBUFS: %w", err)
	}
	// An error message shall not carry a whole rewritten packet back. Kernels
	// that cannot do this are no worse for it.
	_ = unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)

	if receiveBuffer > 0 {
		growBuffer(s.fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, receiveBuffer)
	}
	growBuffer(s.fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, sendRoom)
	room, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	if err != nil {
		return fmt.Errorf("send buffer: %w", err)
	}
	// The kernel keeps 32 bytes of the buffer for itself.
	s.room = min(room-32, sendRoom)
	if s.room < maxVerdictLen {
		return fmt.Errorf("send buffer of %d bytes cannot hold the largest packet: raise net.core.wmem_max to %d or more", room, sendRoom)
	}
	return nil
}

// growBuffer asks for a buffer beyond the system's limit, and where that is not
// allowed, as in a user namespace, for what the limit gives.
func growBuffer(fd, force, plain, size int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, size)
	}
}

func (s *netlinkSocket) receive(b *batch) error { return recvmmsg(s.fd, b, unix.MSG_WAITFORONE) }

func (s *netlinkSocket) poll(b *batch) error { return recvmmsg(s.fd, b, unix.MSG_DONTWAIT) }

func (s *netlinkSocket) send(b []byte) error { return sendAll(s.fd, b) }

func (s *netlinkSocket) limit() int { return s.room }

// wake makes a sleeping receive return: the kernel acknowledges a message that
// asks for nothing else.
func (s *netlinkSocket) wake() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	return s.send(appendHeader(nil, nlHeaderLen, typeNoop, flagRequest|flagAck, 0))
}

// close ends the socket, and with it the queue. Nobody may be reading it.
func (s *netlinkSocket) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return unix.Close(s.fd)
}
