package icmp

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"time"
)

// Limit is a rate: Burst messages at once, and PerSecond in the long run. Both
// are from 1 to a million.
type Limit struct {
	PerSecond, Burst int
}

const maxLimit = 1_000_000

func (l Limit) check() error {
	if l.PerSecond < 1 || l.PerSecond > maxLimit || l.Burst < 1 || l.Burst > maxLimit {
		return fmt.Errorf("limit of %d a second, %d at once: both must be from 1 to %d", l.PerSecond, l.Burst, maxLimit)
	}
	return nil
}

// bucket is a token bucket in one number: the moment at which it is full again.
// The zero value is full.
type bucket time.Duration

// pace is a Limit in time.
type pace struct {
	token bucket // the time that it takes to fill a token in
	depth bucket // and as many as fit
}

func newPace(l Limit) pace {
	// Rounded up: never more than was asked for.
	token := (bucket(time.Second) + bucket(l.PerSecond) - 1) / bucket(l.PerSecond)
	return pace{token: token, depth: token * bucket(l.Burst)}
}

// take returns what b is without one token more, and whether it had one.
func (p pace) take(b bucket, now time.Duration) (bucket, bool) {
	b = max(b, bucket(now)) + p.token
	return b, b-bucket(now) <= p.depth
}

// networks is how many buckets the receivers' networks share. Those that meet in
// one share its tokens, which only sends less.
const networks = 1024

// limiter holds the buckets.
type limiter struct {
	all, network pace
	total        bucket
	seed         maphash.Seed // nobody can choose whose bucket he empties
	buckets      [networks]bucket
}

func newLimiter(all, network Limit) limiter {
	return limiter{all: newPace(all), network: newPace(network), seed: maphash.MakeSeed()}
}

// allow takes a token for a receiver from both of its buckets, or none at all:
// what one network is refused must not silence the others.
func (l *limiter) allow(now time.Duration, to [4]byte) bool {
	own := l.bucket(to)
	after, ok := l.network.take(*own, now)
	if !ok {
		return false
	}
	total, ok := l.all.take(l.total, now)
	if !ok {
		return false
	}
	*own, l.total = after, total
	return true
}

// bucket returns the bucket of the /24 that an address is in.
func (l *limiter) bucket(a [4]byte) *bucket {
	return &l.buckets[maphash.Comparable(l.seed, binary.BigEndian.Uint32(a[:])>>8)%networks]
}
