package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"

	"labelgate/internal/audit"
	"labelgate/internal/channel"
	"labelgate/internal/control"
	"labelgate/internal/metrics"
	"labelgate/internal/sandbox"
	"labelgate/internal/version"
)

// runControl is the process that answers on the control socket and for metrics. It
// knows nothing itself: it asks the keeper.
func runControl(log *slog.Logger, _ []string) error {
	f := inherited("channel", "records", "reads", "admin", "control", "metrics")
	defer runtime.KeepAlive(f)
	done := make(chan error, 5)
	asker, err := newAsker(f[2], f[3], func(err error) {
		select {
		case done <- err:
		default: // it is about to end
		}
	})
	if err != nil {
		return err
	}
	told := &trail{pipe: audit.NewPipe(int(f[1].Fd()), audit.PipeOptions{})}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var server *control.Server
	type none struct{}
	verbs := map[string]channel.Handler{
		verbServe: channel.Bind(func(r serveRequest) (state sandbox.State, err error) {
			if server != nil {
				return state, errors.New("it serves already")
			}
			server = control.NewServer(control.Config{
				Backend: asker, Access: r.Access, Version: version.String(), Audit: func(e control.Event) { told.Write(event(e)) },
			})
			var meter *metrics.Server
			if r.Metrics {
				meter = metrics.NewServer(metrics.Config{Status: func(ctx context.Context) (*control.Status, error) { return asker.status(ctx, server) }})
			}
			if state, err = sandbox.Apply(sandbox.Profile{Role: sandbox.Control}); err != nil {
				return state, err
			}
			if r.Control {
				go func() { done <- named("control socket", server.Serve(ctx, f[4])) }()
			}
			if r.Metrics {
				go func() { done <- named("metrics", meter.Serve(ctx, f[5])) }()
			}
			return state, nil
		}),
		verbAccess: channel.Bind(func(a control.Access) (none, error) {
			if server == nil {
				return none{}, errors.New("it does not serve yet")
			}
			server.SetAccess(a)
			return none{}, nil
		}),
	}
	go func() { done <- channel.Serve(f[0], verbs) }()
	return <-done
}

func named(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// event is what happened on the socket as a record.
func event(e control.Event) *audit.Record {
	r := &audit.Record{
		Event: audit.EventControl, Time: e.Time, Process: roleControl, Reason: e.Outcome,
		HasUID: true, UID: e.UID, PID: uint32(max(e.PID, 0)), Detail: e.Verb, Count: e.Count,
	}
	switch e.Kind {
	case control.EventAdmin:
		r.Action = audit.Granted
		if e.Outcome == control.OutcomeFailed {
			r.Action, r.Detail = audit.Denied, e.Verb+": "+e.Message
		}
	case control.EventTrouble:
		r.Reason, r.Detail, r.HasUID = "trouble", e.Message, false
	default:
		r.Action, r.Reason = audit.Denied, string(e.Code)
	}
	return r
}

// asker asks the keeper.
type asker struct {
	reads, admin *channel.Client
	broken       func(error) // is told when it can ask no more: another process can
}

// The keeper says itself when it is too busy, and that takes no longer than this.
const (
	readPatience  = 4 * answerPatience
	adminPatience = preparePatience + 4*answerPatience
)

var _ control.Backend = (*asker)(nil)

// Do asks the keeper for a verb: for what changes something and takes its time by
// another way than for what is only looked at.
func (a *asker) Do(_ context.Context, q control.Request) (control.Response, error) {
	client, patience := a.reads, readPatience
	if v, _ := control.Lookup(q.Verb); v.Class == control.Admin {
		client, patience = a.admin, adminPatience
	}
	var answer doAnswer
	if err := client.Call(verbDo, q, &answer, patience); err != nil {
		if errors.Is(err, channel.ErrBroken) {
			a.broken(fmt.Errorf("keeper: %w", err))
		}
		return control.Response{}, control.Errorf(control.CodeUnavailable, "%v", err)
	}
	r := control.Response{Next: answer.Next}
	switch {
	case answer.Error != nil:
		return r, answer.Error
	case answer.Status != nil:
		r.Result = answer.Status
	case answer.Counters != nil:
		r.Result = answer.Counters
	default:
		r.Result = answer.Result
	}
	return r, nil
}

// status asks for what metrics are made of.
func (a *asker) status(ctx context.Context, server *control.Server) (*control.Status, error) {
	r, err := a.Do(ctx, control.Request{Verb: control.VerbStatus})
	if err != nil {
		return nil, err
	}
	s, ok := r.Result.(*control.Status)
	if !ok {
		return nil, errors.New("the gateway says nothing of its state")
	}
	s.Counters.Control = server.Calls() // which the keeper does not know
	return s, nil
}

func newAsker(reads, admin *os.File, broken func(error)) (a *asker, err error) {
	a = &asker{broken: broken}
	if a.reads, err = channel.NewClient(reads); err != nil {
		return nil, err
	}
	a.admin, err = channel.NewClient(admin)
	return a, err
}
