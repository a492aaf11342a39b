package trail

import "fmt"

// What is wrong with a trail.
const (
	Edited    = "edited"
	Deleted   = "deleted"
	Reordered = "reordered" // or inserted, or there twice
	Truncated = "truncated"
	Missing   = "missing file"
	BadSeal   = "seal"
)

// Problem is the first place where files are not as they were written. It is an
// error.
type Problem struct {
	File string
	Line int // from 1
	Kind string
	What string // for people
}

// Error returns file:line, the kind and what is wrong.
func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Kind, p.What)
}
