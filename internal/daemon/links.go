package daemon

import (
	"labelgate/internal/links"
)

// linkWatcher knows the machine's links; a *links.Watcher.
type linkWatcher interface {
	Numbered() (t *links.Table, revision uint32)
	SetZones(zones [][]string) error
	Changed() <-chan struct{}
}

var _ linkWatcher = (*links.Watcher)(nil)

// look takes the links as they are now, and says what is wrong with those of the
// zones.
func (d *daemon) look() {
	d.table, _ = d.links.Numbered()
	d.inspect(d.table)
}

// relink follows a change of the links. A new interface of a zone does not wait for
// its rules until the next look at them.
func (d *daemon) relink() {
	d.bench.Relink()
	d.look()
	d.narrow()
	if d.moved() {
		d.watch()
	}
}
