package links

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// fakeRun is a run of notices that the test writes.
type fakeRun[T any] struct {
	out   chan T
	lost  chan struct{}
	ended chan struct{}
	once  sync.Once
}

type (
	fakeFeed   = fakeRun[notice]
	fakeRoutes = fakeRun[routeNotice]
)

var errFakeEnd = errors.New("ended")

func newFakeRun[T any]() *fakeRun[T] {
	return &fakeRun[T]{out: make(chan T, 16), lost: make(chan struct{}, 1), ended: make(chan struct{})}
}

func newFakeRoutes() *fakeRoutes { return newFakeRun[routeNotice]() }

func (f *fakeRun[T]) end() { f.once.Do(func() { close(f.ended) }) }

func (f *fakeRun[T]) next(then time.Time) (none T, err error) {
	var quiet <-chan time.Time
	if !then.IsZero() {
		// What is there is taken before the time is looked at.
		select {
		case n := <-f.out:
			return n, nil
		case <-f.lost:
			return none, errLost
		default:
		}
		timer := time.NewTimer(time.Until(then))
		defer timer.Stop()
		quiet = timer.C
	}
	select {
	case n := <-f.out:
		return n, nil
	case <-f.lost:
		return none, errLost
	case <-f.ended:
		return none, errFakeEnd
	case <-quiet:
		return none, errQuiet
	}
}

func (k *fakeKernel) subscribeRoutes() (notices[routeNotice], error) {
	f := newFakeRoutes()
	k.routeFeeds <- f
	return f, nil
}

func (k *fakeKernel) routes(take func(*route)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.readings++
	for _, r := range k.limits {
		take(&r)
	}
	return k.routesErr
}

func (k *fakeKernel) lookup(q question, source bool) (way, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lookups++
	if k.way == nil {
		return way{}, unix.ENETUNREACH
	}
	return k.way(q, source)
}

// setRoutes makes these the routes to read.
func (k *fakeKernel) setRoutes(err error, routes ...route) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.routesErr, k.limits = err, routes
}

func (k *fakeKernel) counts() (readings, lookups int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.readings, k.lookups
}

// limited is a route to 10.x.0.0/16 by an interface, with an MTU.
func limited(x byte, out, mtu uint32) route {
	return route{routeKey: routeKey{table: unix.RT_TABLE_MAIN, dst: [4]byte{10, x}, bits: 16}, kind: unix.RTN_UNICAST, out: out, mtu: mtu}
}
