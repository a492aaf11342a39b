package daemon

import (
	"slices"

	"labelgate/internal/audit"
	"labelgate/internal/control"
)

// tally is what became of packets since the gateway was started, by all judges that
// it had.
type tally struct {
	before *audit.Counters // of those that are gone
	now    []audit.ZoneCounts
	zones  []string // that there are or were
}

// take is told what the judge that there is has counted so far. What one counted
// between the last question and its end is lost.
func (t *tally) take(all []audit.ZoneCounts) { t.now = all }

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

// plausible are the counts of places that there are or were. A judge that was taken
// over could fill this process, and whoever asks it, with others.
func (d *daemon) plausible(all []audit.ZoneCounts) []audit.ZoneCounts {
	for _, z := range d.config.Zones {
		if !slices.Contains(d.tally.zones, z.Name) {
			d.tally.zones = append(d.tally.zones, z.Name)
		}
	}
	var found []audit.ZoneCounts
	for _, c := range all {
		known := c.Zone == "" || c.Zone == control.ThisMachine || slices.Contains(d.tally.zones, c.Zone)
		if known && !slices.ContainsFunc(found, func(f audit.ZoneCounts) bool { return f.Zone == c.Zone }) {
			found = append(found, c)
		}
	}
	return found
}
