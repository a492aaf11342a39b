package audit

import (
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
)

const second = uint64(time.Second)

func source(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 77})
}

// lines are the records that a Pipe holds.
func lines(t *testing.T, p *Pipe) []Record {
	t.Helper()
	all := records(t, string(p.buffer[headroom:]))
	p.empty()
	return all
}

func TestLimiter(t *testing.T) {
	var outstanding atomic.Uint64
	l := NewLimiter(LimiterOptions{PerSecond: 10, Burst: 20, Outstanding: &outstanding})
	p := NewPipe(-1, PipeOptions{Now: ticking(), Outstanding: &outstanding})
	key := LimitKey{Reason: "no-rule", Zone: "inside", Source: source(1)}
	allowed := func(k LimitKey, n int, at uint64) (yes int) {
		for range n {
			if l.Allow(k, at) {
				yes++
			}
		}
		return yes
	}
	if n := allowed(key, 50, 100*second); n != 20 {
		t.Errorf("%d of a burst", n)
	}
	neighbour := key
	neighbour.Source = netip.MustParseAddr("10.0.1.200")
	if n := allowed(neighbour, 1, 100*second); n != 0 {
		t.Error("another address of the same /24 has its own bucket")
	}
	for _, other := range []LimitKey{
		{Reason: "no-rule", Zone: "inside", Source: source(2)}, {Reason: "", Zone: "inside", Source: source(1)},
		{Reason: "no-rule", Zone: "outside", Source: source(1)}, {Reason: "no-rule", Zone: "inside"},
	} {
		if n := allowed(other, 1, 100*second); n != 1 {
			t.Errorf("%+v shares a bucket", other)
		}
	}
	l.Expire(101*second-1, p)
	if p.Len() != 0 || outstanding.Load() != 31 {
		t.Errorf("%d records before the window ended, %d outstanding", p.Len(), outstanding.Load())
	}
	l.Expire(101*second, p)
	got := lines(t, p)
	if len(got) != 1 || got[0].Event != EventSuppressed || got[0].Count != 31 || got[0].Reason != "no-rule" || got[0].Zone != "inside" ||
		got[0].Network != netip.MustParsePrefix("10.0.1.0/24") || got[0].FirstMono != 100*second || got[0].LastMono != 100*second || got[0].Action != Denied {
		t.Fatalf("got %+v", got)
	}
	if n := allowed(key, 50, 101*second); n != 10 {
		t.Errorf("%d a second later, want 10", n)
	}
	// A clock that goes back gives no tokens, and takes none.
	if n := allowed(key, 5, 3*second); n != 0 {
		t.Errorf("%d when the clock went back", n)
	}
	l.Suppress(LimitKey{Reason: "malformed-header"}, 102*second)
	l.Drain(p)
	if got := lines(t, p); len(got) != 2 || got[0].Count != 45 || got[1].Reason != "malformed-header" || got[1].Network.IsValid() {
		t.Errorf("drained %+v", got)
	}
	l.Drain(p)
	if p.Len() != 0 {
		t.Error("drained twice")
	}
}

func TestLimiterOff(t *testing.T) {
	l := NewLimiter(LimiterOptions{})
	for range 100000 {
		if !l.Allow(LimitKey{}, 1) {
			t.Fatal("limited")
		}
	}
}

// More keys than fit share a bucket until others are as good as new.
func TestLimiterFull(t *testing.T) {
	l := NewLimiter(LimiterOptions{PerSecond: 1, Burst: 2})
	p := NewPipe(-1, PipeOptions{Now: ticking()})
	for i := range MaxLimitKeys {
		if !l.Allow(LimitKey{Source: source(i)}, 10*second) {
			t.Fatal("the first of a key is suppressed")
		}
	}
	passed := 0
	for i := range 100 {
		if l.Allow(LimitKey{Reason: "no-rule", Source: source(MaxLimitKeys + i)}, 10*second) {
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("%d of those that share a bucket", passed)
	}
	l.Drain(p)
	if got := lines(t, p); len(got) != 1 || got[0].Reason != ReasonOther || got[0].Count != 98 {
		t.Errorf("got %+v", got)
	}
	for i := range MaxLimitKeys {
		if !l.Allow(LimitKey{Zone: "other", Source: source(i)}, 20*second) {
			t.Fatal("keys are not forgotten")
		}
	}
}

// twin is a Limiter without bounds.
type twin struct {
	cost, full uint64
	buckets    map[LimitKey]*struct{ tokens, at, count, first uint64 }
}

func (w *twin) allow(k LimitKey, mono uint64) bool {
	k.Source = k.Source.Prev() // not the address that was used; the network counts
	p, _ := k.Source.Prefix(24)
	k.Source = p.Addr()
	b := w.buckets[k]
	if b == nil {
		b = &struct{ tokens, at, count, first uint64 }{tokens: w.full, at: mono}
		w.buckets[k] = b
	}
	b.tokens, b.at = min(w.full, b.tokens+mono-b.at), mono
	if b.tokens >= w.cost {
		b.tokens -= w.cost
		return true
	}
	if b.count++; b.count == 1 {
		b.first = mono
	}
	return false
}

func TestLimiterTwin(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	l := NewLimiter(LimiterOptions{PerSecond: 1, Burst: 1})
	w := twin{cost: l.cost, full: l.full, buckets: map[LimitKey]*struct{ tokens, at, count, first uint64 }{}}
	p := NewPipe(-1, PipeOptions{Now: ticking(), Outstanding: l.outstanding})
	reasons, zones := []string{"", "no-rule", "tunnel"}, []string{"", "inside", "outside"}
	mono, suppressed, told := second, uint64(0), uint64(0)
	for range 80000 {
		mono += random.Uint64N(second / 2000)
		// The keys in use move on, so that the table forgets some all the time.
		k := LimitKey{Reason: reasons[random.IntN(3)], Zone: zones[random.IntN(3)], Source: source(int(mono/second)*50 + random.IntN(300))}
		want := w.allow(k, mono)
		if got := l.Allow(k, mono); got != want {
			t.Fatalf("%+v at %d: %v, want %v", k, mono, got, want)
		}
		if !want {
			suppressed++
		}
		l.Expire(mono, p)
		for _, r := range lines(t, p) {
			k := LimitKey{Reason: r.Reason, Zone: r.Zone, Source: r.Network.Addr()}
			b := w.buckets[k]
			if r.Count != b.count || r.FirstMono != b.first || mono < b.first+second {
				t.Fatalf("record %+v, twin %+v", r, b)
			}
			told += r.Count
			b.count = 0
		}
	}
	l.Drain(p)
	for _, r := range lines(t, p) {
		told += r.Count
	}
	// Nothing was sent, so all of it is outstanding.
	if suppressed != told || suppressed != l.outstanding.Load() || told == 0 {
		t.Errorf("%d suppressed, %d told, %d outstanding", suppressed, told, l.outstanding.Load())
	}
	if l.used != MaxLimitKeys {
		t.Errorf("only %d buckets were used", l.used)
	}
}

func TestLimiterDoesNotAllocate(t *testing.T) {
	l := NewLimiter(LimiterOptions{PerSecond: 1, Burst: 1})
	p := NewPipe(-1, PipeOptions{Outstanding: l.outstanding})
	i, mono := 0, second
	if n := testing.AllocsPerRun(20, func() {
		for range 2 * MaxLimitKeys {
			i++
			mono += second / 1000
			l.Allow(LimitKey{Reason: "no-rule", Zone: "inside", Source: source(i / 3)}, mono)
			l.Expire(mono, p)
			p.empty()
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
