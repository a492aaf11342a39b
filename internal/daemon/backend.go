package daemon

import (
	"context"
	"time"

	"labelgate/internal/control"
	"labelgate/internal/version"
)

var _ control.Backend = (*daemon)(nil)

// Do carries out a verb of the control socket, in the goroutine to which the gateway's
// state belongs.
func (d *daemon) Do(ctx context.Context, q control.Request) (r control.Response, err error) {
	done := make(chan struct{})
	do := func() {
		defer close(done)
		r, err = d.do(q)
	}
	select {
	case d.requests <- do:
	case <-ctx.Done():
		return r, ctx.Err()
	case <-time.After(answerPatience):
		return r, control.Errorf(control.CodeBusy, "the gateway is busy; try again")
	}
	<-done
	return r, err
}

func (d *daemon) do(q control.Request) (control.Response, error) {
	switch q.Verb {
	case control.VerbStatus:
		return control.Response{Result: d.status()}, nil
	case control.VerbCounters:
		return control.Response{Result: &d.status().Counters}, nil
	case control.VerbHealth:
		return control.Response{Result: d.health()}, nil
	case control.VerbReload:
		if err := d.reload(); err != nil {
			return control.Response{}, control.Refused(err)
		}
		return control.Response{Result: d.reloaded()}, nil
	case control.VerbRotate:
		if err := d.auditing.client.Call(verbRotate, struct{}{}, nil, answerPatience); err != nil {
			return control.Response{}, refusal(err)
		}
		return control.Response{Result: control.Rotate{Output: d.config.Audit.Output}}, nil
	case control.VerbUpgrade:
		if err := d.upgrade(); err != nil {
			return control.Response{}, control.Errorf(control.CodeRefused, "%v", err)
		}
		return control.Response{Result: control.Upgrade{Version: version.String(), Program: d.program}}, nil
	}
	r, err := d.bench.Table(q)
	if err == nil && q.Verb == control.VerbDomains {
		return d.inKernel(r)
	}
	return r, err
}

func (d *daemon) reloaded() control.Reload {
	r := control.Reload{Policy: d.policy(), Pending: d.pending}
	for _, w := range d.summary.Warnings {
		r.Warnings = append(r.Warnings, control.Problem{File: w.File, Line: w.Line, Message: w.Message, Hint: w.Hint})
	}
	return r
}
