package daemon

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/channel"
	"labelgate/internal/control"
	"labelgate/internal/version"
)

var _ control.Backend = (*daemon)(nil)

// Do carries out a verb of the control socket. The gateway's state belongs to the
// goroutine of follow, which does not wait for a judge that others ask.
func (d *daemon) Do(ctx context.Context, q control.Request) (r control.Response, err error) {
	var b bench
	var writer *channel.Client
	var output string
	if err := d.withState(ctx, func() { b, writer, output = d.bench, d.auditing.client, d.config.Audit.Output }); err != nil {
		return r, err
	}
	var all []audit.ZoneCounts
	switch v, _ := control.Lookup(q.Verb); {
	case q.Verb == control.VerbDomains:
		page, err := b.Table(q)
		if err != nil {
			return r, err
		}
		doing := d.withState(ctx, func() { r, err = d.inKernel(page) })
		return r, errors.Join(doing, err)
	case v.Paged:
		return b.Table(q)
	case q.Verb == control.VerbRotate:
		return rotate(writer, output)
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
	case control.VerbUpgrade:
		if err := d.upgrade(); err != nil {
			return control.Response{}, control.Errorf(control.CodeRefused, "%v", err)
		}
		return control.Response{Result: control.Upgrade{Version: version.String(), Program: d.program}}, nil
	}
	return control.Response{}, control.Errorf(control.CodeUnknownVerb, "no such verb: %s", q.Verb)
}

// rotate has whoever writes records begin another file.
func rotate(writer *channel.Client, output string) (r control.Response, err error) {
	switch {
	case !filepath.IsAbs(output):
		return r, control.Errorf(control.CodeFailed, "records go to %s, where there is no file to change", output)
	case writer == nil:
		return r, control.Errorf(control.CodeUnavailable, "nobody writes records at the moment; try again")
	}
	rotated := control.Rotate{Output: output}
	err = writer.Call(verbRotate, struct{}{}, &rotated.Sealed, answerPatience)
	return control.Response{Result: rotated}, refusal(err)
}

func (d *daemon) reloaded() control.Reload {
	r := control.Reload{Policy: d.policy(), Pending: d.pending}
	for _, w := range d.summary.Warnings {
		r.Warnings = append(r.Warnings, control.Problem{File: w.File, Line: w.Line, Message: w.Message, Hint: w.Hint})
	}
	return r
}
