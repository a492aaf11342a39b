package auditor

import (
	"time"

	"labelgate/internal/audit"
)

// clockTolerance is how far the wall clock may stray from the monotonic one before
// it has jumped.
const clockTolerance = time.Second

// clockWatch notices when the wall clock is set. Nothing depends on that clock:
// sequence numbers order records, and intervals are monotonic. But who reads the
// records wants to know.
type clockWatch struct {
	wall time.Time
	mono uint64
}

func newClockWatch(now func() (time.Time, uint64)) clockWatch {
	wall, mono := now()
	return clockWatch{wall.Round(0), mono} // without its own monotonic reading
}

// look returns the record of a jump.
func (c *clockWatch) look(wall time.Time, mono uint64) (r audit.Record, jumped bool) {
	wall = wall.Round(0)
	jump := wall.Sub(c.wall) - time.Duration(mono-c.mono)
	if jump >= -clockTolerance && jump <= clockTolerance {
		return r, false
	}
	before := c.wall.Add(time.Duration(mono - c.mono))
	*c = clockWatch{wall, mono}
	sign := "+"
	if jump < 0 {
		sign = ""
	}
	return audit.Record{
		Event:  audit.EventClock,
		Detail: "the wall clock jumped by " + sign + jump.String() + "; it would be " + before.UTC().Format(time.RFC3339Nano),
	}, true
}
