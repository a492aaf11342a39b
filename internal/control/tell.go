package control

import (
	"context"
	"time"
)

// tell puts an event on record.
func (s *Server) tell(e Event) {
	if s.audit == nil {
		return
	}
	e.Verb, e.Message = printable(e.Verb, 32), printable(e.Message, 200)
	s.audit(e)
}

// refuse counts a refusal and puts it on record, unless there are too many.
func (s *Server) refuse(c *Caller, verb string, e *Error) {
	s.refused.Add(1)
	s.limited(Event{Kind: EventRefused, Verb: verb, Code: e.Code, Message: e.Message, UID: c.UID, GID: c.GID, PID: c.PID})
}

// trouble puts on record what is wrong with the socket itself.
func (s *Server) trouble(message string) {
	s.limited(Event{Kind: EventTrouble, Code: CodeFailed, Message: message, UID: Overflow, GID: Overflow})
}

func (s *Server) limited(e Event) {
	e.Time = time.Now()
	if s.refusals.admit(e) {
		s.tell(e)
	}
}

// tellHeld puts on record what was held back, until ctx ends.
func (s *Server) tellHeld(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case now := <-ticker.C:
			s.tellAll(s.refusals.sum(now, false))
		case <-ctx.Done():
		}
	}
}

func (s *Server) tellAll(events []Event) {
	for _, e := range events {
		s.tell(e)
	}
}
