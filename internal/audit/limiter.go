package audit

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"
)

// LimitKey is what a Limiter counts together.
type LimitKey struct {
	Reason string // why packets were dropped, "" for those that passed
	Zone   string
	Source netip.Addr // its /24 counts
}

// LimiterOptions bound what is recorded one by one.
type LimiterOptions struct {
	PerSecond uint32 // records of a key in the long run; 0 for no limit
	Burst     uint32 // records of a key at once; 0 for PerSecond
	// Outstanding counts what was suppressed and that no record tells of yet: that
	// of the Pipe to which Expire writes. nil for memory of its own.
	Outstanding *atomic.Uint64
}

// The bounds of a Limiter.
const (
	// MaxLimitKeys is the number of keys that a Limiter follows. Others share one.
	MaxLimitKeys = 4096
	// LimitWindow is how long after the first suppressed decision of a key the
	// record is written that counts it and those that followed.
	LimitWindow = time.Second
)

// Limiter says which decisions are recorded one by one, by a token bucket for
// each reason, zone and /24 network of sources, and counts the others. Time is
// what the caller says: CLOCK_MONOTONIC in nanoseconds. A Limiter belongs to one
// goroutine and allocates nothing after NewLimiter.
type Limiter struct {
	outstanding *atomic.Uint64
	cost, full  uint64 // of a record, of a bucket, in ns; full is 0 for no limit
	seed        maphash.Seed

	table   [2 * MaxLimitKeys]int16 // index of a bucket and 1, by hash
	buckets []bucket                // the last one is shared
	used    int16                   // buckets that were ever taken
	recent  list                    // all that are taken but the shared one, the last used first
	waiting list                    // those that have suppressed some, the last to do so first
}

// networkKey is a LimitKey with its network.
type networkKey struct {
	reason, zone string
	network      uint32 // first 24 bits
	valid        bool   // there is a network
}

// bucket holds the tokens of a key as the time that they are worth.
type bucket struct {
	key         networkKey
	tokens      uint64 // ns, full at most
	at          uint64 // when that was so
	count       uint64 // suppressed, and not recorded yet
	first, last uint64 // when

	recent, waiting links
}

// NewLimiter returns a Limiter.
func NewLimiter(o LimiterOptions) *Limiter {
	if o.Outstanding == nil {
		o.Outstanding = new(atomic.Uint64)
	}
	l := &Limiter{outstanding: o.Outstanding, seed: maphash.MakeSeed(), buckets: make([]bucket, MaxLimitKeys+1)}
	if o.PerSecond > 0 {
		if o.Burst == 0 {
			o.Burst = o.PerSecond
		}
		l.cost = max(uint64(time.Second)/uint64(o.PerSecond), 1)
		l.full = l.cost * uint64(o.Burst)
	}
	l.recent, l.waiting = newList(), newList()
	l.buckets[shared] = bucket{key: networkKey{reason: ReasonOther}, tokens: l.full}
	return l
}

// shared is the bucket of the keys that have none of their own.
const shared = MaxLimitKeys

// Allow reports whether a decision is to be recorded on its own. When not it is
// counted.
func (l *Limiter) Allow(k LimitKey, mono uint64) bool {
	if l.full == 0 {
		return true
	}
	i := l.find(k, mono)
	b := &l.buckets[i]
	l.refill(b, mono)
	if b.tokens >= l.cost {
		b.tokens -= l.cost
		return true
	}
	l.suppress(i, mono)
	return false
}

// Suppress counts a decision of which no record of its own is wanted, such as one
// about a malformed packet while logging is 0.
func (l *Limiter) Suppress(k LimitKey, mono uint64) { l.suppress(l.find(k, mono), mono) }

func (l *Limiter) suppress(i int16, mono uint64) {
	b := &l.buckets[i]
	if b.count == 0 {
		b.first = mono
		l.waiting.push(l.buckets, i, waitingLinks)
	}
	b.count++
	b.last = mono
	l.outstanding.Add(1)
}

// refill gives b the tokens of the time since it was last seen. A clock that goes
// back gives none.
func (l *Limiter) refill(b *bucket, mono uint64) {
	if mono > b.at {
		b.tokens = min(l.full, b.tokens+min(mono-b.at, l.full))
		b.at = mono
	}
}

// Expire adds to p a record for each key whose first suppressed decision is older
// than LimitWindow. Call it with every batch, and a few times a second where
// none comes. It looks at no other keys.
func (l *Limiter) Expire(mono uint64, p *Pipe) {
	for {
		i := l.waiting.last
		if i == none || mono < l.buckets[i].first+uint64(LimitWindow) {
			return
		}
		l.tell(i, p)
	}
}

// Drain adds to p a record for each key that has suppressed decisions: at the
// end of the process.
func (l *Limiter) Drain(p *Pipe) {
	for l.waiting.last != none {
		l.tell(l.waiting.last, p)
	}
}

func (l *Limiter) tell(i int16, p *Pipe) {
	b := &l.buckets[i]
	l.waiting.remove(l.buckets, i, waitingLinks)
	r := Record{
		Event: EventSuppressed, Reason: b.key.reason, Zone: b.key.zone,
		Action: Denied, Count: b.count, FirstMono: b.first, LastMono: b.last,
	}
	if b.key.reason == "" {
		r.Action = Granted
	}
	if b.key.valid {
		n := b.key.network
		r.Network = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), 0}), 24)
	}
	if i == shared {
		r.Action = "" // some of these may have passed
	}
	p.add(&r, b.count)
	b.count = 0
}
