package control

import "fmt"

// Code says what kind of error an Error is, for programs.
type Code string

// The codes of errors.
const (
	CodeForbidden   Code = "forbidden"    // the caller may not do that
	CodeUnknownVerb Code = "unknown-verb" // there is no such verb
	CodeBadRequest  Code = "bad-request"  // the request cannot be understood
	CodeTooLarge    Code = "too-large"    // the request is longer than MaxRequest, or the answer than MaxAnswer
	CodeBusy        Code = "busy"         // too many callers; try again
	CodeTimeout     Code = "timeout"      // the request or what it asks for took too long
	CodeUnavailable Code = "unavailable"  // the part of the gateway that knows is starting anew; try again
	CodeStale       Code = "stale-cursor" // the table has changed since the page before; begin anew
	CodeRefused     Code = "refused"      // it was looked at and is wrong: nothing was changed, see Problems
	CodeFailed      Code = "failed"       // it was tried and did not work
)

// Error is an error as it crosses the socket. A Backend that refuses settings or
// a policy returns one of CodeRefused with everything that is wrong.
type Error struct {
	Code     Code      `json:"code"`
	Message  string    `json:"message"`
	Problems []Problem `json:"problems,omitempty"` // with CodeRefused
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Errorf returns an Error without problems.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
