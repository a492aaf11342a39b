package queue

// Change is what a watcher found.
type Change int

// The changes.
const (
	Unchanged Change = iota
	Raised           // from now on something is wrong
	Cleared          // it is right again
)

// Depth watches whether somebody answers. It is fed with the kernel's account of one
// queue, at any pace, and raises an alarm when packets wait in the queue and none of
// them was answered from one account to another, Polls times in a row. It does not
// ask who should answer: a hung handler, a dead owner whose socket is held by
// another, and verdicts that the kernel refuses look alike.
//
// A Depth belongs to one goroutine.
type Depth struct {
	// Polls is how many accounts in a row must show no answer; at least 1.
	Polls int

	fed    bool
	port   uint32
	left   uint32 // packets that have left the queue, wraps
	stuck  int    // accounts in a row without one
	raised bool
}

// Feed takes an account and tells whether it changed anything.
func (d *Depth) Feed(k KernelStats) Change {
	// What was numbered and is neither waiting nor was lost on its way to the
	// socket has been answered.
	left := k.Sequence - k.Depth - uint32(k.UserDropped)
	stands := d.fed && d.port == k.PortID && left == d.left && k.Depth > 0
	d.fed, d.port, d.left = true, k.PortID, left
	if !stands {
		d.stuck = 0
		if d.raised {
			d.raised = false
			return Cleared
		}
		return Unchanged
	}
	d.stuck++
	if d.stuck >= max(d.Polls, 1) && !d.raised {
		d.raised = true
		return Raised
	}
	return Unchanged
}

// Raised reports whether the alarm is on.
func (d *Depth) Raised() bool { return d.raised }
