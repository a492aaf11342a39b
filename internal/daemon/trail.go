package daemon

import (
	"sync"

	"labelgate/internal/audit"
)

// trail hands the records of this process to the auditor. It may be shared.
type trail struct {
	mu   sync.Mutex
	pipe *audit.Pipe
}

// held is how many records of this process wait at most while the auditor does not
// keep up. None of them is about a packet of its own: what is lost is counted.
const held = 1024

var _ records = (*trail)(nil)

// Write hands a record over, and reports whether it was taken or waits.
func (t *trail) Write(r *audit.Record) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pipe.Add(r)
	if t.pipe.Flush() != nil && t.pipe.Len() >= held {
		t.pipe.Discard()
		return false
	}
	return true
}

// Flush tries again to hand over what waits.
func (t *trail) Flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.pipe.Flush() // it is tried again, and counted in the end
}
