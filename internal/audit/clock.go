package audit

import (
	"time"

	"golang.org/x/sys/unix"
)

// Clock tells the time in both ways that records need. Its zero value is not
// usable. A Clock may be shared.
type Clock struct {
	start time.Time // holds the runtime's own monotonic reading
	mono  uint64    // CLOCK_MONOTONIC at start
}

// NewClock returns a Clock of this machine.
func NewClock() *Clock {
	var ts unix.Timespec
	start := time.Now()
	// It cannot fail for this clock; were it to, times since the start of the
	// process order records as well.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return &Clock{start: start, mono: uint64(ts.Nano())}
}

// Now returns the wall time, and CLOCK_MONOTONIC in nanoseconds, which all
// processes of a boot share and nobody sets.
func (c *Clock) Now() (wall time.Time, mono uint64) {
	wall = time.Now()
	return wall, c.mono + uint64(wall.Sub(c.start))
}
