package daemon

import (
	"labelgate/internal/audit"
	"labelgate/internal/control"
	"labelgate/internal/judge"
	"labelgate/internal/load"
)

// bench is where packets are judged, in this process or in another.
type bench interface {
	// Prepare compiles a policy beside the one in force.
	Prepare(b *load.Bundle, generation uint32) (judge.Summary, error)
	// Commit puts it in force, Abort forgets it.
	Commit(stamp uint32) error
	Abort()
	SetTranslated(yes bool)
	// Relink is called when the links have changed.
	Relink()
	// Counts is what became of packets so far.
	Counts() ([]audit.ZoneCounts, error)
	// Table returns a page of a table of what is in force.
	Table(r control.Request) (control.Response, error)
	// Close has the judge end when it has answered what it was given.
	Close()
}
