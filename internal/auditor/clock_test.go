package auditor

import (
	"sync"
	"testing"
	"time"
)

// fakeClock is a machine's clock that a test sets.
type fakeClock struct {
	mu   sync.Mutex
	mono uint64
	wall time.Time
	gap  time.Duration
}

func newFakeClock() *fakeClock {
	return &fakeClock{mono: uint64(time.Hour), wall: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// set sets the monotonic clock, and how far the wall clock is away from where it
// would be. It reports whether the wall clock jumped by more than is tolerated.
func (f *fakeClock) set(elapsed, gap time.Duration) (jumped bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	jumped = (gap - f.gap).Abs() > clockTolerance
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.mono, f.wall = uint64(time.Hour+elapsed), start.Add(elapsed+gap)
	if jumped {
		f.gap = gap
	}
	return jumped
}

func (f *fakeClock) Now() (time.Time, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wall, f.mono
}

func TestClockWatch(t *testing.T) {
	f := newFakeClock()
	c := newClockWatch(f.Now)
	for _, tt := range []struct {
		elapsed, gap time.Duration
		jumped       bool
	}{
		{time.Second, 0, false},
		{2 * time.Second, time.Second, false},
		{3 * time.Second, time.Second + 1, true},
		{4 * time.Second, time.Second + 1, false},
		{5 * time.Second, 0, true},
		{6 * time.Second, -87600 * time.Hour, true},
		{7 * time.Second, 87600 * time.Hour, true},
		{8 * time.Second, 290 * 8766 * time.Hour, true},
	} {
		f.set(tt.elapsed, tt.gap)
		r, jumped := c.look(f.Now())
		if jumped != tt.jumped || jumped && r.Detail == "" {
			t.Errorf("at %v with %v: %v %+v", tt.elapsed, tt.gap, jumped, r)
		}
	}
}
