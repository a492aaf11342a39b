package icmp

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

// slowBucket is a token bucket as in a book. It counts in nanoseconds' worth of
// tokens.
type slowBucket struct {
	token, most, have, at time.Duration
}

func newSlowBucket(l Limit) *slowBucket {
	token := time.Second / time.Duration(l.PerSecond)
	if time.Second%time.Duration(l.PerSecond) != 0 {
		token++
	}
	most := token * time.Duration(l.Burst)
	return &slowBucket{token: token, most: most, have: most}
}

func (b *slowBucket) take(now time.Duration) bool {
	b.have, b.at = min(b.most, b.have+now-b.at), now
	if b.have < b.token {
		return false
	}
	b.have -= b.token
	return true
}

func TestBucket(t *testing.T) {
	const ms = time.Millisecond
	type step struct {
		at   time.Duration
		asks int
		gets int
	}
	tests := []struct {
		name  string
		limit Limit
		steps []step
	}{
		{"full at first", Limit{10, 3}, []step{{0, 5, 3}}},
		{"full at first, later", Limit{10, 3}, []step{{time.Hour, 5, 3}}},
		{"a token after its time", Limit{10, 3}, []step{{0, 3, 3}, {99 * ms, 1, 0}, {100 * ms, 2, 1}, {200 * ms, 2, 1}}},
		{"refusals cost nothing", Limit{10, 1}, []step{{0, 1000, 1}, {100 * ms, 1, 1}}},
		{"no more than full", Limit{10, 3}, []step{{0, 3, 3}, {time.Hour, 9, 3}}},
		{"one at a time", Limit{1, 1}, []step{{0, 2, 1}, {999 * ms, 1, 0}, {1000 * ms, 2, 1}}},
		{"a rate that does not divide a second", Limit{3, 1}, []step{{0, 2, 1}, {time.Second / 3, 1, 0}, {time.Second/3 + 1, 1, 1}}},
		{"the most", Limit{maxLimit, maxLimit}, []step{{0, maxLimit + 1, maxLimit}, {time.Microsecond, 2, 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, slow := newPace(tt.limit), newSlowBucket(tt.limit)
			var b bucket
			for _, s := range tt.steps {
				got, twin := 0, 0
				for range s.asks {
					if after, ok := p.take(b, s.at); ok {
						b = after
						got++
					}
					if slow.take(s.at) {
						twin++
					}
				}
				if got != s.gets || twin != s.gets {
					t.Errorf("at %v: %d of %d, the twin %d, want %d", s.at, got, s.asks, twin, s.gets)
				}
			}
		})
	}
}

func TestBucketIsItsTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		l := Limit{PerSecond: 1 + r.IntN(300), Burst: 1 + r.IntN(60)}
		p, slow := newPace(l), newSlowBucket(l)
		var b bucket
		var now time.Duration
		for range 1000 {
			now += time.Duration(r.Int64N(int64(2 * p.token)))
			after, ok := p.take(b, now)
			if ok {
				b = after
			}
			if want := slow.take(now); ok != want {
				t.Fatalf("%+v at %v: %v, the twin says %v", l, now, ok, want)
			}
		}
	}
}

func TestLimitCheck(t *testing.T) {
	tests := []struct {
		name  string
		limit Limit
		ok    bool
	}{
		{"least", Limit{1, 1}, true},
		{"most", Limit{maxLimit, maxLimit}, true},
		{"no rate", Limit{0, 1}, false},
		{"no burst", Limit{1, 0}, false},
		{"negative", Limit{-1, 1}, false},
		{"too fast", Limit{maxLimit + 1, 1}, false},
		{"too much", Limit{1, maxLimit + 1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.limit.check(); (err == nil) != tt.ok {
				t.Errorf("check: %v", err)
			}
		})
	}
}

// address returns the nth /24's host number h.
func address(n, h int) (a [4]byte) {
	binary.BigEndian.PutUint32(a[:], 10<<24|uint32(n)<<8|uint32(h))
	return a
}

// Errors to one network, and then to very many, over simulated time.
func TestRates(t *testing.T) {
	all, network := Limit{100, 50}, Limit{10, 10}
	tests := []struct {
		name     string
		networks int
		seconds  int
		want     int
	}{
		{"one network at once", 1, 0, 10},
		{"one network", 1, 60, 10 + 600},
		{"many networks at once", 5000, 0, 50},
		{"many networks", 5000, 60, 50 + 6000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLimiter(all, network)
			sent, n := 0, 0
			ask := func(now time.Duration) {
				n++
				if l.allow(now, address(n%tt.networks, n%256)) {
					sent++
				}
			}
			for range 1000 {
				ask(0)
			}
			for now := time.Millisecond; now <= time.Duration(tt.seconds)*time.Second; now += time.Millisecond {
				for range 3 {
					ask(now)
				}
			}
			if sent != tt.want {
				t.Errorf("%d sent, want %d", sent, tt.want)
			}
		})
	}
}

// A network that is refused leaves the tokens of all alone, and the other way
// round.
func TestAllOrNothing(t *testing.T) {
	l := newLimiter(Limit{1, 15}, Limit{1, 10})
	a, b := address(0, 1), address(1, 1)
	for n := 2; l.bucket(a) == l.bucket(b); n++ {
		b = address(n, 1)
	}
	count := func(to [4]byte) (sent int) {
		for range 1000 {
			if l.allow(0, to) {
				sent++
			}
		}
		return sent
	}
	if n := count(a); n != 10 {
		t.Errorf("%d to the first network, want 10", n)
	}
	if n := count(b); n != 5 {
		t.Errorf("%d to the second network, want the 5 that are left", n)
	}
	// The second still has its own five.
	l.total = 0
	if n := count(b); n != 5 {
		t.Errorf("%d to the second network after the wait, want 5", n)
	}
}

func TestNetworkIsA24(t *testing.T) {
	l := newLimiter(Limit{1, 1}, Limit{1, 1})
	for h := range 256 {
		if l.bucket(address(7, h)) != l.bucket(address(7, 0)) {
			t.Fatalf("host %d has a bucket of its own", h)
		}
	}
	seen := map[*bucket]bool{}
	for n := range 20 * networks {
		seen[l.bucket(address(n, 0))] = true
	}
	if len(seen) != networks {
		t.Errorf("%d buckets are used, want %d", len(seen), networks)
	}
}
