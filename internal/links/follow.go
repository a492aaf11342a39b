package links

import (
	"errors"
	"fmt"
	"time"
)

// Routes are followed apart from links: a machine may have a million of them,
// changing all the time, and no packet's zone waits for them. What is held of them
// is exact, or else too much, and an MTU is then thought smaller than it is.

// routeFollower holds the routes that have an MTU of their own. It belongs to one
// goroutine.
type routeFollower struct {
	w       *Watcher
	metrics metrics

	// doubt says that a route may be held that is gone. No notice takes any away
	// then, and they will be read again.
	doubt    bool
	draining bool      // the notices are from before the end of a reading
	again    time.Time // when to read again, zero if there is no need to
	over     time.Time // when the last reading was over
	rest     time.Duration

	heard  time.Time // when a link or an address last changed
	settle time.Time // when the kernel is thought to be done with that, zero if it is
}

const (
	// settleTime is how long the kernel may take from the notice of a link or an
	// address to forgetting the routes that depend on it. It says nothing when it
	// does.
	settleTime = 200 * time.Millisecond
	// restShare is how many times as long as a reading the follower rests from it.
	restShare = 9
	// failedRest is how long it rests from one that failed.
	failedRest = time.Second
	// drainMost is how many notices are gone through after a reading. If there are
	// more, routes change faster than they can be followed for now.
	drainMost = 1 << 16
)

// take brings what is held up to date. It reports whether the smallest MTUs may be
// others now.
func (f *routeFollower) take(n *routeNotice) (changed bool) {
	r := &n.route
	switch n.change {
	case changedLink:
		f.moved()
		if !f.metrics.empty() {
			f.suspect()
		}
	case changedObject:
		if f.metrics.objects() {
			f.suspect()
		}
	case routeAdded, routeReplaced:
		if n.change == routeReplaced && f.metrics.has(r.routeKey) {
			f.suspect() // of several with the same key it may be any that went
		}
		switch {
		case !r.limits():
		case f.metrics.knows(r): // or it differs by something that is not held
			f.suspect()
		default:
			changed = f.metrics.add(r)
		}
	case routeRemoved:
		switch {
		case !r.limits():
		case f.doubt || f.draining || !f.metrics.knows(r):
			f.suspect()
		default:
			changed = f.metrics.remove(r)
		}
	}
	// After the notice was taken, so that whoever asks now asks for what is in
	// force after it.
	f.w.egress.void()
	return changed
}

// moved plans for answers to be void once more when the kernel is done with a
// change of a link or an address.
func (f *routeFollower) moved() {
	f.heard = time.Now()
	if f.settle.IsZero() {
		f.settle = f.heard.Add(settleTime)
	}
}

// suspect plans another reading.
func (f *routeFollower) suspect() {
	f.doubt = true
	if f.again.IsZero() {
		f.again = time.Now().Add(settleTime)
		if rested := f.over.Add(f.rest); f.again.Before(rested) {
			f.again = rested
		}
	}
}

// lost is for when notices were lost, whatever they were of.
func (f *routeFollower) lost() {
	f.moved()
	f.suspect()
	f.w.egress.void()
}

// read reads all routes, and then what was said of changes meanwhile.
func (f *routeFollower) read(s notices[routeNotice]) error {
	began := time.Now()
	f.again = time.Time{}
	var fresh metrics
	err := f.w.kernel.routes(func(r *route) {
		if r.limits() {
			fresh.add(r)
		}
	})
	f.over = time.Now()
	f.rest = restShare * f.over.Sub(began)
	if err != nil {
		f.rest = max(f.rest, failedRest)
		f.suspect()
		return err
	}
	unsettled := began.Sub(f.heard) < settleTime
	f.metrics, f.doubt, f.draining = fresh, false, true
	if !f.drain(s) || unsettled && !f.metrics.empty() {
		f.suspect()
	}
	f.draining = false
	f.w.limit(f.metrics.smallest())
	return nil
}

// drain takes the notices that wait. It reports whether that was all.
func (f *routeFollower) drain(s notices[routeNotice]) bool {
	for range drainMost {
		n, err := s.next(f.over)
		switch {
		case err == nil:
			f.take(&n)
		case errors.Is(err, errLost):
			f.lost()
		default: // if the notices failed, they will again
			return true
		}
	}
	return false
}

// next returns when there is something to do, zero if there is not.
func (f *routeFollower) next() time.Time {
	if f.again.IsZero() || !f.settle.IsZero() && f.settle.Before(f.again) {
		return f.settle
	}
	return f.again
}

// work does what is due.
func (f *routeFollower) work(s notices[routeNotice]) {
	now := time.Now()
	if !f.settle.IsZero() && !now.Before(f.settle) {
		if f.settle = f.heard.Add(settleTime); !now.Before(f.settle) {
			f.settle = time.Time{}
		}
		f.w.egress.void()
	}
	if !f.again.IsZero() && !now.Before(f.again) {
		switch err := f.read(s); {
		case broken(err):
			f.w.fail(err)
		case err != nil:
			f.w.errorf("links: %v; the MTUs of routes are taken to be those known before", err)
		}
	}
}

// serve handles notices until they fail or are ended.
func (f *routeFollower) serve(s notices[routeNotice]) error {
	for {
		n, err := s.next(f.next())
		switch {
		case err == nil:
			if f.take(&n) {
				f.w.limit(f.metrics.smallest())
			}
		case errors.Is(err, errLost):
			f.lost()
		case !errors.Is(err, errQuiet):
			return err
		}
		if !f.next().IsZero() {
			f.work(s)
		}
	}
}

// run follows the routes until the watcher is closed.
func (f *routeFollower) run(s notices[routeNotice]) {
	f.w.fail(fmt.Errorf("follow routes: %w", f.serve(s)))
}

// limit makes these the MTUs of routes.
func (w *Watcher) limit(metrics map[uint32]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.metrics = metrics
	t, revision := w.Numbered()
	w.publish(t.routed(metrics), revision)
}
