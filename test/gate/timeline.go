package gate

import (
	"sync"
	"time"
)

// Timeline counts packets by the millisecond in which they were seen. It may be
// shared.
type Timeline struct {
	epoch int64 // milliseconds since 1970

	mu     sync.Mutex
	counts []uint32
}

// NewTimeline returns a timeline that begins now. What was before is counted to
// its first millisecond.
func NewTimeline() *Timeline { return &Timeline{epoch: time.Now().UnixMilli()} }

// maxTimeline is the longest time that is followed.
const maxTimeline = 48 * time.Hour

// Add counts n packets at a time in nanoseconds since 1970.
func (l *Timeline) Add(at int64, n int) {
	i := max(0, min(at/1e6-l.epoch, maxTimeline.Milliseconds()))
	l.mu.Lock()
	defer l.mu.Unlock()
	for i >= int64(len(l.counts)) {
		l.counts = append(l.counts, make([]uint32, max(1024, len(l.counts)/2))...)
	}
	l.counts[i] += uint32(n)
}

// Between counts the packets of the whole milliseconds from a to b.
func (l *Timeline) Between(a, b time.Time) (n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := max(0, a.UnixMilli()+1-l.epoch)
	for i := from; i < b.UnixMilli()-l.epoch && i < int64(len(l.counts)); i++ {
		n += uint64(l.counts[i])
	}
	return n
}

// First returns the first moment from a time on at which there was a packet.
func (l *Timeline) First(from time.Time) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := max(0, from.UnixMilli()-l.epoch); i < int64(len(l.counts)); i++ {
		if l.counts[i] > 0 {
			return time.UnixMilli(l.epoch + i), true
		}
	}
	return time.Time{}, false
}

// When returns the millisecond in which packet n was counted, from 0.
func (l *Timeline) When(n uint64) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range l.counts {
		if n < uint64(c) {
			return time.UnixMilli(l.epoch + int64(i))
		}
		n -= uint64(c)
	}
	return time.UnixMilli(l.epoch + int64(len(l.counts)))
}

// Pause returns the longest time between a and b in which nothing was counted here
// while the other line, of what was sent, went on: in whole milliseconds of it.
func (l *Timeline) Pause(a, b time.Time, sent *Timeline) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent.mu.Lock()
	defer sent.mu.Unlock()
	run, longest := 0, 0
	for ms := a.UnixMilli() + 1; ms < b.UnixMilli(); ms++ {
		switch {
		case l.at(ms) > 0:
			run = 0
		case sent.at(ms) > 0:
			run++
			longest = max(longest, run)
		}
	}
	return time.Duration(longest) * time.Millisecond
}

func (l *Timeline) at(ms int64) uint32 {
	if i := ms - l.epoch; i >= 0 && i < int64(len(l.counts)) {
		return l.counts[i]
	}
	return 0
}
