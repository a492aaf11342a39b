package links

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Where a descriptor is of no use any more there will be no other: nothing is known
// for good, whatever is said later, and whoever can start another process is told.
func TestFailed(t *testing.T) {
	links := []Link{{Index: 7, Name: "a", MTU: 1500}}
	tests := []struct {
		name  string
		spoil func(k *fakeKernel, w *Watcher, links *fakeFeed, routes *fakeRoutes)
	}{
		{"notices of links end", func(_ *fakeKernel, _ *Watcher, l *fakeFeed, _ *fakeRoutes) { l.end() }},
		{"notices of routes end", func(_ *fakeKernel, _ *Watcher, _ *fakeFeed, r *fakeRoutes) { r.end() }},
		{"no links to be read from the descriptor", func(k *fakeKernel, _ *Watcher, l *fakeFeed, _ *fakeRoutes) {
			k.set(unix.EBADF, links...)
			l.out <- notice{}
		}},
		{"no routes to be read from the descriptor", func(k *fakeKernel, _ *Watcher, _ *fakeFeed, r *fakeRoutes) {
			k.setRoutes(errStuck)
			r.lost <- struct{}{}
		}},
		{"no route to be asked for by the descriptor", func(k *fakeKernel, w *Watcher, _ *fakeFeed, _ *fakeRoutes) {
			k.mu.Lock()
			k.way = func(question, bool) (way, error) { return way{}, unix.EBADF }
			k.mu.Unlock()
			w.egress.void()
			w.Egress(3, farSource, farDest)
		}},
		{"links cannot be read for long", func(k *fakeKernel, _ *Watcher, l *fakeFeed, _ *fakeRoutes) {
			k.set(errors.New("not now"), links...)
			l.out <- notice{}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := &fakeKernel{way: func(question, bool) (way, error) { return way{out: 7}, nil }}
			k.set(nil, links...)
			w, feed := startFake(t, k)
			if _, ok := w.Egress(3, farSource, farDest); !ok {
				t.Fatal("no way out")
			}
			tt.spoil(k, w, feed, <-k.routeFeeds)
			select {
			case err := <-w.Failed():
				t.Log(err)
			case <-time.After(3 * giveUp):
				t.Fatal("nobody was told")
			}
			k.set(nil, links...)
			if err := w.SetZones([][]string{{"a"}}); err != nil {
				t.Error(err)
			}
			if err := w.refresh(); err != nil {
				t.Error(err)
			}
			if n := len(w.Table().Links()); n != 0 {
				t.Errorf("%d links known", n)
			}
			if e, ok := w.Egress(3, farSource, farDest); ok {
				t.Errorf("a way out: %+v", e)
			}
		})
	}
}

// A watcher that is closed did not fail.
func TestCloseIsNoFailure(t *testing.T) {
	k := &fakeKernel{}
	w, _ := startFake(t, k)
	w.Close()
	select {
	case err := <-w.Failed():
		t.Error(err)
	default:
	}
}
