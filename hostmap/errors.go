package hostmap

import "strconv"

// DuplicateError is what Builder.Add says of a second entry for one prefix in
// one zone. Linux lets the later one win without a word.
type DuplicateError struct {
	Entry   Entry
	Earlier Entry
}

// Error names the prefix and where it stood first.
func (e *DuplicateError) Error() string {
	s := e.Entry.name() + " has an entry already"
	if o := e.Earlier.Origin(); o != "" {
		s += ", at " + o
	}
	return s
}

// ZoneError is what Builder.Build says of an entry bound to a zone that does not
// exist.
type ZoneError struct {
	Entry Entry
}

// Error names the entry and the zone.
func (e *ZoneError) Error() string {
	s := "the entry for " + e.Entry.Prefix.String()
	if o := e.Entry.Origin(); o != "" {
		s += " (" + o + ")"
	}
	return s + " is bound to zone " + strconv.Quote(e.Entry.Zone) + ", which does not exist"
}

// PrefixError is what Builder.Add says of an entry whose prefix is the zero value.
type PrefixError struct {
	Entry Entry
}

// Error names the place.
func (e *PrefixError) Error() string {
	if o := e.Entry.Origin(); o != "" {
		return o + ": entry without a prefix"
	}
	return "entry without a prefix"
}

// LimitError is what Builder.Build says of more zones than an index can tell
// apart, and Builder.Add of more entries.
type LimitError struct {
	What  string // "zones" or "entries"
	Limit int
}

// Error names the limit.
func (e *LimitError) Error() string {
	return "the host table holds at most " + strconv.Itoa(e.Limit) + " " + e.What
}
