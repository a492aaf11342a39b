package links

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	farSource = netip.MustParseAddr("192.0.2.1")
	farDest   = netip.MustParseAddr("203.0.113.1")
	nextHop   = netip.MustParseAddr("198.18.0.254")
)

func TestLimit(t *testing.T) {
	tests := []struct {
		name string
		way  way
		link int
		want int
	}{
		{"link", way{}, 1500, 1500},
		{"route", way{mtu: 1400}, 1500, 1400},
		{"route above the link", way{mtu: 9000}, 1500, 1500},
		{"locked", way{mtu: 1400, locked: true, gateway: nextHop}, 1500, 1400},
		{"locked to nothing", way{locked: true, gateway: nextHop}, 1500, 576},
		{"locked to nothing, on link", way{locked: true}, 1500, 1500},
		{"locked to nothing, small link", way{locked: true, gateway: nextHop}, 500, 500},
		{"loopback", way{}, 65536, 65535},
		{"labels", way{headroom: 8}, 1500, 1492},
		{"labels and route", way{mtu: 1400, headroom: 8}, 1500, 1392},
		{"more labels than MTU", way{headroom: 1500}, 1500, 1500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.way.limit(tt.link); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

func TestEgressFromKernel(t *testing.T) {
	forward := func(question, bool) (way, error) { return way{out: 7, mtu: 1400, gateway: nextHop}, nil }
	mapped := netip.MustParseAddr("::ffff:192.0.2.1")
	tests := []struct {
		name     string
		in       uint32
		src, dst netip.Addr
		way      func(question, bool) (way, error)
		want     Egress
		ok       bool
		source   bool // what the kernel is told of the source
	}{
		{"forwarded", 3, farSource, farDest, forward, Egress{7, 1400, nextHop}, true, true},
		{"written as IPv6", 3, mapped, farDest, forward, Egress{7, 1400, nextHop}, true, true},
		{"own", 0, ownAddress, farDest, forward, Egress{7, 1400, nextHop}, true, true},
		{"own, not yet settled", 0, netip.IPv4Unspecified(), farDest, forward, Egress{7, 1400, nextHop}, true, false},
		{"own, from another's address", 0, farSource, farDest, forward, Egress{7, 1400, nextHop}, true, false},
		{"refused", 3, farSource, farDest, func(question, bool) (way, error) { return way{}, unix.EXDEV }, Egress{}, false, true},
		{"by an unknown link", 3, farSource, farDest, func(question, bool) (way, error) { return way{out: 8}, nil }, Egress{}, false, true},
		{"IPv6", 3, farSource, netip.MustParseAddr("2001:db8::1"), forward, Egress{}, false, false},
		{"no address", 3, netip.Addr{}, farDest, forward, Egress{}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := &fakeKernel{}
			k.set(nil, Link{Index: 7, Name: "a", MTU: 1500})
			source := false
			k.way = func(q question, s bool) (way, error) {
				source = s
				if q.in != tt.in || q.src != tt.src.Unmap().As4() || q.dst != tt.dst.As4() {
					t.Errorf("asked for %+v", q)
				}
				return tt.way(q, s)
			}
			w, _ := startFake(t, k)
			for range 3 { // the first answer, and what is remembered
				if e, ok := w.Egress(tt.in, tt.src, tt.dst); e != tt.want || ok != tt.ok {
					t.Errorf("%+v %v, want %+v %v", e, ok, tt.want, tt.ok)
				}
			}
			if source != tt.source {
				t.Errorf("by source %v, want %v", source, tt.source)
			}
			if _, lookups := k.counts(); lookups > 1 {
				t.Errorf("%d questions, want one", lookups)
			}
		})
	}
}

// lookupsFor returns how often the kernel is asked for the same packet twice.
func lookupsFor(k *fakeKernel, w *Watcher) int {
	_, before := k.counts()
	w.Egress(3, farSource, farDest)
	w.Egress(3, farSource, farDest)
	_, after := k.counts()
	return after - before
}

// settled waits until the follower of routes has nothing planned.
func settled(t *testing.T, w *Watcher) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(settleTime / 4) {
		before := w.egress.era.Load()
		time.Sleep(2 * settleTime)
		if w.egress.era.Load() == before {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it never settles")
		}
	}
}

func TestChangesVoidAnswers(t *testing.T) {
	plain := limited(1, 7, 0)
	tests := []struct {
		name   string
		change func(k *fakeKernel, w *Watcher, routes *fakeRoutes, links *fakeFeed)
	}{
		{"rule", func(_ *fakeKernel, _ *Watcher, r *fakeRoutes, _ *fakeFeed) { r.out <- routeNotice{change: changedAny} }},
		{"route", func(_ *fakeKernel, _ *Watcher, r *fakeRoutes, _ *fakeFeed) { r.out <- routeNotice{routeAdded, plain} }},
		{"route gone", func(_ *fakeKernel, _ *Watcher, r *fakeRoutes, _ *fakeFeed) { r.out <- routeNotice{routeRemoved, plain} }},
		{"link or address", func(_ *fakeKernel, _ *Watcher, r *fakeRoutes, _ *fakeFeed) { r.out <- routeNotice{change: changedLink} }},
		{"next hop", func(_ *fakeKernel, _ *Watcher, r *fakeRoutes, _ *fakeFeed) {
			r.out <- routeNotice{change: changedObject}
		}},
		{"lost notices", func(_ *fakeKernel, _ *Watcher, r *fakeRoutes, _ *fakeFeed) { r.lost <- struct{}{} }},
		{"MTU of a link", func(k *fakeKernel, _ *Watcher, _ *fakeRoutes, l *fakeFeed) {
			k.set(nil, Link{Index: 7, Name: "a", MTU: 1300})
			l.out <- notice{index: 7, name: "a"}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := &fakeKernel{way: func(question, bool) (way, error) { return way{out: 7}, nil }}
			k.set(nil, Link{Index: 7, Name: "a", MTU: 1500})
			w, links := startFake(t, k)
			if n := lookupsFor(k, w); n != 1 {
				t.Fatalf("%d questions, want one", n)
			}
			era := w.egress.era.Load()
			tt.change(k, w, <-k.routeFeeds, links)
			for deadline := time.Now().Add(3 * time.Second); w.egress.era.Load() == era; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the answer holds on")
				}
			}
			settled(t, w)
			if n := lookupsFor(k, w); n != 1 {
				t.Errorf("%d questions after the change, want one", n)
			}
		})
	}
}

// An answer that was asked for before a change and comes after it is void.
func TestAnswerOvertakenByChange(t *testing.T) {
	k := &fakeKernel{}
	k.set(nil, Link{Index: 7, Name: "a", MTU: 1500})
	w, _ := startFake(t, k)
	k.way = func(question, bool) (way, error) {
		w.egress.void()
		return way{out: 7, mtu: 1400}, nil
	}
	if n := lookupsFor(k, w); n != 2 {
		t.Errorf("%d questions, want one each time", n)
	}
}

func TestClosedEgress(t *testing.T) {
	k := &fakeKernel{way: func(question, bool) (way, error) { return way{out: 7}, nil }}
	k.set(nil, Link{Index: 7, Name: "a", MTU: 1500})
	w, _ := startFake(t, k)
	w.Close()
	if e, ok := w.Egress(3, farSource, farDest); ok {
		t.Errorf("%+v from a closed watcher", e)
	}
	if !k.closed {
		t.Error("the kernel's handle stays open")
	}
}

func TestEgressDoesNotAllocate(t *testing.T) {
	k := &fakeKernel{way: func(question, bool) (way, error) { return way{out: 7}, nil }}
	k.set(nil, Link{Index: 7, Name: "a", MTU: 1500})
	w, _ := startFake(t, k)
	w.Egress(3, farSource, farDest)
	if n := testing.AllocsPerRun(100, func() { w.Egress(3, farSource, farDest) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkEgressRemembered(b *testing.B) {
	k := &fakeKernel{way: func(question, bool) (way, error) { return way{out: 7}, nil }}
	k.set(nil, Link{Index: 7, Name: "a", MTU: 1500})
	k.feeds, k.routeFeeds = make(chan *fakeFeed, 1), make(chan *fakeRoutes, 1)
	w, err := watch(k, nil, b.Logf)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	for b.Loop() {
		w.Egress(3, farSource, farDest)
	}
}
