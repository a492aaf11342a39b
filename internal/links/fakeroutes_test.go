package links

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// fakeRoutes is a run of notices of routes that the test writes.
type fakeRoutes struct {
	out   chan routeNotice
	lost  chan struct{}
	ended chan struct{}
	once  sync.Once
}

var errFakeEnd = errors.New("ended")

func newFakeRoutes() *fakeRoutes {
	return &fakeRoutes{out: make(chan routeNotice, 16), lost: make(chan struct{}, 1), ended: make(chan struct{})}
}

func (f *fakeRoutes) end() { f.once.Do(func() { close(f.ended) }) }

func (f *fakeRoutes) next(then time.Time) (routeNotice, error) {
	var quiet <-chan time.Time
	if !then.IsZero() {
		// What is there is taken before the time is looked at.
		select {
		case n := <-f.out:
			return n, nil
		case <-f.lost:
			return routeNotice{}, errLost
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
		return routeNotice{}, errLost
	case <-f.ended:
		return routeNotice{}, errFakeEnd
	case <-quiet:
		return routeNotice{}, errQuiet
	}
}

func (k *fakeKernel) subscribeRoutes() (routeNotices, error) {
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
