package daemon

import (
	"context"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/control"
	"labelgate/internal/version"
)

var _ control.Backend = (*daemon)(nil)

// Do carries out a verb of the control socket. The gateway's state belongs to the
// goroutine of follow, which does not wait for a judge that others ask.
func (d *daemon) Do(ctx context.Context, q control.Request) (r control.Response, err error) {
	var b bench
	if err := d.withState(ctx, func() { b = d.bench }); err != nil {
		return r, err
	}
	var all []audit.ZoneCounts
	switch v, _ := control.Lookup(q.Verb); {
	case v.Paged && q.Verb != control.VerbDomains:
		return b.Table(q)
	case q.Verb == control.VerbStatus, q.Verb == control.VerbCounters:
		all, err = b.Counts()
	}
	known := err == nil
	doing := d.withState(ctx, func() {
		if known && all != nil {
			d.counted(b, all)
		}
		r, err = d.do(q)
	})
	if doing != nil {
		return control.Response{}, doing
	}
	return r, err
}

// withState has follow do something and waits until it is done.
func (d *daemon) withState(ctx context.Context, f func()) error {
	done := make(chan struct{})
	timer := time.NewTimer(answerPatience)
	defer timer.Stop()
	select {
	case d.requests <- func() { defer close(done); f() }:
		<-done
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return control.Errorf(control.CodeBusy, "the gateway is busy; try again")
	}
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
	if q.Verb == control.VerbDomains {
		r, err := d.bench.Table(q)
		if err != nil {
			return r, err
		}
		return d.inKernel(r)
	}
	return control.Response{}, control.Errorf(control.CodeUnknownVerb, "no such verb: %s", q.Verb)
}

func (d *daemon) reloaded() control.Reload {
	r := control.Reload{Policy: d.policy(), Pending: d.pending}
	for _, w := range d.summary.Warnings {
		r.Warnings = append(r.Warnings, control.Problem{File: w.File, Line: w.Line, Message: w.Message, Hint: w.Hint})
	}
	return r
}
