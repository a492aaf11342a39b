package links

import (
	"errors"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// fakeKernel is a kernel that the test moves.
type fakeKernel struct {
	mu     sync.Mutex
	links  map[uint32]Link
	err    error
	feeds  chan *fakeFeed
	closed bool

	limits     []route // routes to read
	readings   int     // how often they were
	routesErr  error
	routeFeeds chan *fakeRoutes
	way        func(q question, source bool) (way, error)
	lookups    int
}

func (k *fakeKernel) subscribe() (notices[notice], error) {
	f := newFakeRun[notice]()
	k.feeds <- f
	return f, nil
}

func (k *fakeKernel) read() (*Table, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := &Table{links: maps.Clone(k.links), addresses: newAddresses(0)}
	t.addresses.own(ownAddress)
	return t, k.err
}

// ownAddress is the fake machine's.
var ownAddress = netip.MustParseAddr("198.18.0.1")

func (k *fakeKernel) set(err error, links ...Link) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err, k.links = err, make(map[uint32]Link)
	for _, l := range links {
		k.links[l.Index] = l
	}
}

func (k *fakeKernel) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
}

func startFake(t *testing.T, k *fakeKernel) (*Watcher, *fakeFeed) {
	t.Helper()
	k.feeds = make(chan *fakeFeed, 16)
	k.routeFeeds = make(chan *fakeRoutes, 16)
	w, err := watch(k, map[string]uint8{"a": 1, "b": 2}, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w, <-k.feeds
}

// While the links cannot be read after a change, the changed one is unknown.
func TestForgetsBeforeItReads(t *testing.T) {
	tests := []struct {
		name   string
		notice notice
		known  bool
	}{
		{"deleted", notice{index: 7, name: "a", gone: true}, false},
		{"renamed", notice{index: 7, name: "x"}, false},
		{"same", notice{index: 7, name: "a"}, true},
		{"another", notice{index: 8, name: "b"}, true},
		{"address", notice{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := &fakeKernel{}
			k.set(nil, Link{Index: 7, Name: "a", MTU: 1500})
			w, _ := startFake(t, k)
			w.take(tt.notice)
			if _, _, ok := w.Zone(7); ok != tt.known {
				t.Errorf("known = %v, want %v", ok, tt.known)
			}
		})
	}
}

// When notices are lost nothing is known until all was read again.
func TestLostNotices(t *testing.T) {
	k := &fakeKernel{}
	k.set(nil, Link{Index: 7, Name: "a", MTU: 1500})
	w, feed := startFake(t, k)
	if !in(7, 1)(w.Table()) {
		t.Fatal("link not known")
	}
	k.set(errors.New("not now"), Link{Index: 7, Name: "b", MTU: 1500})
	feed.lost <- struct{}{}
	until(t, w, "nothing", func(t *Table) bool { return len(t.Links()) == 0 })
	time.Sleep(2 * retry)
	if n := len(w.Table().Links()); n != 0 {
		t.Errorf("%d links while they cannot be read", n)
	}
	k.set(nil, Link{Index: 7, Name: "b", MTU: 1500})
	until(t, w, "read again", in(7, 2))
	w.Close()
	if !k.closed {
		t.Error("the kernel's handle stays open")
	}
}

func TestZeroTable(t *testing.T) {
	var table Table
	if _, _, ok := table.Zone(1); ok || table.Name(1) != "" || table.MTU(1) != 0 || table.Local(netip.MustParseAddr("127.0.0.1")) {
		t.Error("the zero table knows something")
	}
}

func TestZoneDoesNotAllocate(t *testing.T) {
	k := &fakeKernel{}
	k.set(nil, Link{Index: 7, Name: "a", MTU: 1500})
	w, _ := startFake(t, k)
	if n := testing.AllocsPerRun(100, func() { w.Zone(7) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
