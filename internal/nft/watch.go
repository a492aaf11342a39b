package nft

import (
	"errors"
	"fmt"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Watcher hears of changes of the rules of nf_tables in a namespace, whoever makes
// them. The old iptables says nothing when its rules change.
type Watcher struct {
	dial    func() (receiver, error)
	errorf  func(string, ...any)
	changed chan struct{}
	stop    chan struct{}
	stopped chan struct{}
}

// receiver is the edge to the kernel: a *netlink.Conn, or a stand-in for it in tests.
type receiver interface {
	Receive() ([]netlink.Message, error)
	Close() error
}

// A program that fights with us over the rules must not have us do nothing else: a
// burst of changes is told at once, and then ten a second.
const (
	noticeBurst    = 20
	noticeInterval = 100 * time.Millisecond
)

// redialInterval is how long to wait for another try when there are no notices.
const redialInterval = time.Second

// groupTables is NFNLGRP_NFTABLES of linux/netfilter/nfnetlink.h.
const groupTables = 7

// Watch hears of changes until Close. netns is a descriptor of the network
// namespace, 0 for the calling thread's; it is to stay open until Close. errorf is told
// when there are no notices for a while, from the watcher's goroutine, and may be nil.
func Watch(netns int, errorf func(format string, args ...any)) (*Watcher, error) {
	return watch(func() (receiver, error) { return dialNotices(netns) }, errorf)
}

func watch(dial func() (receiver, error), errorf func(string, ...any)) (*Watcher, error) {
	if errorf == nil {
		errorf = func(string, ...any) {}
	}
	first, err := dial()
	if err != nil {
		return nil, fmt.Errorf("nft: notices of changes: %w%s", err, advice(err))
	}
	w := &Watcher{dial: dial, errorf: errorf, changed: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{})}
	go w.run(first)
	return w, nil
}

func dialNotices(netns int) (receiver, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: netns, Groups: 1 << (groupTables - 1)})
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// Changed returns a channel that has a value when the rules have changed since the
// value before was taken, or may have: the kernel does not keep notices without end.
// Who makes changes himself hears of them as well. A CheckWatch tells at little cost
// whether there is anything to do.
func (w *Watcher) Changed() <-chan struct{} { return w.changed }

// Close ends the watching. It must be called once.
func (w *Watcher) Close() {
	close(w.stop)
	<-w.stopped
}

func (w *Watcher) tell() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// rest waits, unless the watcher is being closed.
func (w *Watcher) rest(d time.Duration) (goOn bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w.stop:
		return false
	case <-timer.C:
		return true
	}
}

func (w *Watcher) run(conn receiver) {
	defer close(w.stopped)
	for {
		err := w.serve(conn)
		if err == nil {
			return
		}
		w.errorf("nft: notices of changes: %v; changes are seen when the rules are looked at", err)
		for {
			if !w.rest(redialInterval) {
				return
			}
			if conn, err = w.dial(); err == nil {
				break
			}
		}
		w.tell() // of what went unsaid meanwhile
	}
}

// serve hears notices until they fail, or until the watcher is closed (nil).
func (w *Watcher) serve(conn receiver) error {
	served := make(chan struct{})
	defer close(served)
	go func() { // this is what ends Receive
		select {
		case <-w.stop:
		case <-served:
		}
		conn.Close()
	}()
	var paid time.Time // for the notices so far
	for {
		_, err := conn.Receive()
		select {
		case <-w.stop:
			return nil
		default:
		}
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return err
		}
		w.tell()
		now := time.Now()
		if paid.Before(now) {
			paid = now
		}
		paid = paid.Add(noticeInterval)
		if debt := paid.Sub(now) - noticeBurst*noticeInterval; debt > 0 && !w.rest(debt) {
			return nil
		}
	}
}
