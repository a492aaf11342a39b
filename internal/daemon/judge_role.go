package daemon

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/channel"
	"labelgate/internal/control"
	"labelgate/internal/judge"
	"labelgate/internal/load"
	"labelgate/internal/policyfile"
	"labelgate/internal/sandbox"
)

// What the keeper asks of a judge.
const (
	verbConfine    = "confine"
	verbPrepare    = "prepare"
	verbCommit     = "commit"
	verbAbort      = "abort"
	verbTranslated = "translated"
	verbCounted    = "counted"
	verbTable      = "table"
)

// How long the keeper waits for an answer. A policy of a million rules takes less
// than a second to load, on a machine that has nothing else to do.
const (
	preparePatience = time.Minute
	answerPatience  = 5 * time.Second
)

// kindProblems is the kind of an error that files are to blame for.
const kindProblems = "problems"

// problemsError carries Problems over a channel as they are.
type problemsError struct{ policyfile.Problems }

func (problemsError) Kind() string { return kindProblems }

// Error is JSON, for remoteBench.
func (e problemsError) Error() string {
	b, err := json.Marshal(e.Problems)
	if err != nil {
		return e.Problems.Error()
	}
	return string(b)
}

func (e problemsError) Unwrap() error { return e.Problems }

// judgeVerbs are the answers of a process that judges.
func judgeVerbs(s *judge.Service) map[string]channel.Handler {
	type none struct{}
	return map[string]channel.Handler{
		verbPrepare: func(body json.RawMessage, blob []byte) (any, error) {
			var generation uint32
			if err := json.Unmarshal(body, &generation); err != nil {
				return nil, err
			}
			var b load.Bundle
			if err := gob.NewDecoder(bytes.NewReader(blob)).Decode(&b); err != nil {
				return nil, err
			}
			summary, err := s.Prepare(&b, generation)
			var problems policyfile.Problems
			if errors.As(err, &problems) {
				err = problemsError{problems}
			}
			return summary, err
		},
		verbCommit:     channel.Bind(func(stamp uint32) (none, error) { return none{}, s.Commit(stamp) }),
		verbAbort:      channel.Bind(func(none) (none, error) { s.Abort(); return none{}, nil }),
		verbTranslated: channel.Bind(func(yes bool) (none, error) { s.SetTranslated(yes); return none{}, nil }),
		verbCounted:    channel.Bind(func(none) ([]audit.ZoneCounts, error) { return s.Counts() }),
	}
}

// tableVerbs are the answers of a process that judges to who looks on. They come by a
// channel of their own: a look at what is remembered may take a second, and a policy
// is not to wait for that.
func tableVerbs(s *judge.Service) map[string]channel.Handler {
	return map[string]channel.Handler{
		verbTable: channel.Bind(func(q control.Request) (page tablePage, err error) {
			r, err := s.Table(q)
			var e *control.Error
			if errors.As(err, &e) {
				return page, coded{e}
			}
			if err != nil {
				return page, err
			}
			page.Next = r.Next
			page.Rows, err = json.Marshal(r.Result)
			return page, err
		}),
	}
}

// remoteBench is a judge in another process.
type remoteBench struct {
	client  *channel.Client
	tables  *channel.Client
	sandbox sandbox.State
	log     *slog.Logger
}

var _ bench = (*remoteBench)(nil)

// newRemoteBench takes this process's ends of the channels to a judge.
func newRemoteBench(end, tables *os.File) (r *remoteBench, err error) {
	r = new(remoteBench)
	if r.client, err = channel.NewClient(end); err != nil {
		tables.Close()
		return nil, err
	}
	if r.tables, err = channel.NewClient(tables); err != nil {
		r.client.Close()
		return nil, err
	}
	return r, nil
}

func (r *remoteBench) Prepare(b *load.Bundle, generation uint32) (s judge.Summary, err error) {
	var blob bytes.Buffer
	if err := gob.NewEncoder(&blob).Encode(b); err != nil {
		return s, err
	}
	err = r.client.CallWith(verbPrepare, generation, blob.Bytes(), &s, preparePatience)
	var said *channel.Error
	if errors.As(err, &said) && said.Kind == kindProblems {
		var problems policyfile.Problems
		if json.Unmarshal([]byte(said.Message), &problems) == nil && len(problems) > 0 {
			return s, problems
		}
	}
	return s, err
}

func (r *remoteBench) Commit(stamp uint32) error {
	return r.client.Call(verbCommit, stamp, nil, answerPatience)
}

func (r *remoteBench) Abort() {
	if err := r.client.Call(verbAbort, struct{}{}, nil, answerPatience); err != nil {
		r.log.Warn("a policy that was not taken stays in the judge's memory", "error", err)
	}
}

// SetTranslated fails only when the judge is gone, and its successor is told anew.
func (r *remoteBench) SetTranslated(yes bool) {
	if err := r.client.Call(verbTranslated, yes, nil, answerPatience); err != nil {
		r.log.Warn("the judge was not told about address translation", "error", err)
	}
}

// Relink does nothing: the judge follows the links itself.
func (*remoteBench) Relink() {}

func (r *remoteBench) Counts() (all []audit.ZoneCounts, err error) {
	return all, r.client.Call(verbCounted, struct{}{}, &all, answerPatience)
}

// Table passes a page on as the judge wrote it.
func (r *remoteBench) Table(q control.Request) (control.Response, error) {
	var page tablePage
	err := r.tables.Call(verbTable, q, &page, answerPatience)
	return control.Response{Result: page.Rows, Next: page.Next}, refusal(err)
}

// tablePage is a control.Response whose rows nobody here looks at.
type tablePage struct {
	Rows json.RawMessage `json:"rows"`
	Next string          `json:"next"`
}

// refusal is an error of another process as one for whoever asked by the control
// socket.
func refusal(err error) error {
	var said *channel.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said) && said.Kind != "":
		return control.Errorf(control.Code(said.Kind), "%s", said.Message)
	case errors.As(err, &said):
		return control.Errorf(control.CodeFailed, "%s", said.Message)
	}
	return control.Errorf(control.CodeUnavailable, "%v", err)
}

// coded tells the code of a control.Error over a channel.
type coded struct{ refused *control.Error }

func (c coded) Error() string { return c.refused.Message }
func (c coded) Kind() string  { return string(c.refused.Code) }

// Close closes the channels, at whose end the judge ends.
func (r *remoteBench) Close() {
	r.tables.Close()
	r.client.Close()
}

// followLinks tells a service of changes until ctx ends.
func followLinks(ctx context.Context, s *judge.Service) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.Links.Changed():
			s.Relink()
		}
	}
}
