package control

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// answer does what a request asks for, if its caller may.
func (s *Server) answer(ctx context.Context, caller *Caller, r *request) answer {
	v, known := Lookup(r.Verb)
	class := s.access.Load().Class(caller)
	switch {
	case class == Nobody: // he was served when he came
		return s.deny(caller, r, Errorf(CodeForbidden, "user %d may not use this socket any more", caller.UID))
	case !known:
		return s.deny(caller, r, Errorf(CodeUnknownVerb, "there is no verb %q", printable(r.Verb, 32)))
	case class < v.Class:
		return s.deny(caller, r, Errorf(CodeForbidden, "%s is for admins, user %d is none; see admins in [control]", v.Name, caller.UID))
	}
	if e := r.check(v); e != nil {
		return s.deny(caller, r, e)
	}
	asked := Request{Verb: v.Name, Args: r.Args, UID: caller.UID, GID: caller.GID, PID: caller.PID}
	if v.Class == Admin {
		return s.change(ctx, caller, asked)
	}
	response, e := s.ask(ctx, asked, s.queries, s.times.query)
	if e != nil {
		return answer{Error: fitted(e)}
	}
	return answer{Result: s.fill(response.Result), Next: response.Next}
}

func (s *Server) deny(caller *Caller, r *request, e *Error) answer {
	s.refuse(caller, r.Verb, e)
	return answer{Error: e}
}

// change carries out a verb of class Admin, one at a time. It is on record before
// it begins: what it does may be the end of us.
func (s *Server) change(ctx context.Context, caller *Caller, r Request) answer {
	begun := time.Now()
	event := Event{Kind: EventAdmin, Verb: r.Verb, Outcome: OutcomeAsked, UID: caller.UID, GID: caller.GID, PID: caller.PID, Time: begun}
	s.tell(event)
	response, e := s.ask(ctx, r, s.admins, s.times.admin)
	event.Time = time.Now()
	event.Took = event.Time.Sub(begun)
	if e != nil {
		event.Outcome, event.Code, event.Message = OutcomeFailed, e.Code, e.Message
		s.tell(event)
		return answer{Error: fitted(e)}
	}
	event.Outcome = OutcomeDone
	s.done.Add(1)
	s.tell(event)
	return answer{Result: response.Result}
}

// ask asks the Backend, of which as many may work as room has places. Whoever
// waits too long is told so; his place stays taken until the Backend is through.
func (s *Server) ask(ctx context.Context, r Request, room chan struct{}, limit time.Duration) (Response, *Error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	select {
	case room <- struct{}{}:
	case <-ctx.Done():
		cancel()
		return Response{}, Errorf(CodeBusy, "others have asked before and are not through; try again")
	}
	type result struct {
		response Response
		err      error
	}
	through := make(chan result, 1)
	go func() {
		defer func() { <-room }()
		defer cancel()
		defer func() {
			if p := recover(); p != nil {
				through <- result{err: fmt.Errorf("%s: a fault in the gateway: %v", r.Verb, p)}
			}
		}()
		response, err := s.backend.Do(ctx, r)
		through <- result{response, err}
	}()
	select {
	case done := <-through:
		return done.response, asError(done.err)
	case <-ctx.Done():
	}
	select {
	case done := <-through: // both at once
		return done.response, asError(done.err)
	default:
		return Response{}, Errorf(CodeTimeout, "%s takes longer than %v; ask for the status later", r.Verb, limit)
	}
}

// asError returns an error of a Backend as it goes to the caller.
func asError(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Errorf(CodeTimeout, "it takes too long; ask for the status later")
	}
	return Errorf(CodeFailed, "%v", err)
}

// fitted returns an error with as many of its problems as fit into an answer.
func fitted(e *Error) *Error {
	for len(e.Problems) > 0 {
		if _, err := frame(answer{Error: e}, MaxAnswer); err == nil {
			return e
		}
		e = &Error{Code: e.Code, Message: e.Message, Problems: e.Problems[:len(e.Problems)/2]}
	}
	return e
}

// fill adds what only the Server knows.
func (s *Server) fill(result any) any {
	switch v := result.(type) {
	case Status:
		v.Counters.Control = s.Calls()
		return v
	case *Status:
		return s.fill(*v)
	case Counters:
		v.Control = s.Calls()
		return v
	case *Counters:
		return s.fill(*v)
	}
	return result
}
