package control

import "context"

// Request is one verb of one caller, admitted: the verb exists and the caller's
// class is enough for it.
type Request struct {
	Verb string
	Args Args

	// Who asks, as the kernel says. For records, not for decisions: those are
	// made.
	UID, GID uint32
	PID      int32 // 0 when the caller lives where we cannot see it
}

// Args are the arguments of a request. Verbs that have no pages take none; a
// Server refuses others before it asks anybody.
type Args struct {
	// Cursor is where a page begins: Response.Next of the page before, or "" for
	// the first. At most MaxCursor bytes, of which nothing else is known: it comes
	// from the caller.
	Cursor string `json:"cursor,omitempty"`
	// Limit is the most rows wanted, 1..MaxRows; 0 leaves it to the Backend.
	Limit int `json:"limit,omitempty"`
}

// Limits of a page.
const (
	MaxRows   = 1000
	MaxCursor = 64
)

// Response is what a Backend answers.
type Response struct {
	// Result is the value that the verb promises, or a json.RawMessage that holds
	// it. It must not be changed any more.
	Result any
	// Next is where the next page begins, "" when this was the last.
	Next string
}

// Backend does what a Server was asked. It is called from many goroutines, but
// with one verb of class Admin at a time. An *Error goes to the caller as it is;
// any other error goes as one of code CodeFailed, with its text.
//
// When ctx ends nobody waits for the answer any more.
type Backend interface {
	Do(ctx context.Context, r Request) (Response, error)
}
