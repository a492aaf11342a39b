package daemon

import "labelgate/internal/audit"

// tally is what became of packets since the gateway was started, by all judges that
// it had.
type tally struct {
	before *audit.Counters // of those that are gone
	now    []audit.ZoneCounts
}

// read asks the judge that there is. What one counted between the last question and
// its end is lost.
func (t *tally) read(b bench) {
	if all, err := b.Counts(); err == nil {
		t.now = all
	}
}

// end is called when a judge is gone.
func (t *tally) end() {
	t.before.Add(t.now)
	t.now = nil
}

// sum returns all of it.
func (t *tally) sum(empty func() *audit.Counters) *audit.Counters {
	c := empty()
	c.Add(t.before.All())
	c.Add(t.now)
	return c
}
