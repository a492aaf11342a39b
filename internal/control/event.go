package control

import "time"

// Kinds of an Event.
const (
	EventAdmin      = "control"            // an admin verb: asked for, then done or failed
	EventRefused    = "control_refused"    // somebody was refused something
	EventSuppressed = "control_suppressed" // Count refusals like this one were not told
	EventTrouble    = "control_trouble"    // the socket itself: Message says what
)

// Outcomes of an admin verb.
const (
	OutcomeAsked  = "asked" // it is about to be carried out
	OutcomeDone   = "done"
	OutcomeFailed = "failed" // see Code
)

// Event is something that happened on the socket and belongs into the audit
// trail: each admin verb twice, before and after it was carried out, and every
// refusal, of which those that come too fast are counted instead. All strings are
// printable ASCII of at most 200 bytes, whatever the caller sent.
type Event struct {
	Time     time.Time
	Kind     string
	Verb     string // as far as it was understood
	Outcome  string // of EventAdmin
	Code     Code   // of EventRefused, EventSuppressed and of what failed
	Message  string
	UID, GID uint32
	PID      int32
	Count    uint64        // of EventSuppressed
	Took     time.Duration // of EventAdmin that is over
}
