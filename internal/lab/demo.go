package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// DemoOptions of Demo. Zero values are good for all of them.
type DemoOptions struct {
	Options
	File    string   // topology; the example lab when empty
	Capture string   // file for the packets, a new one in the temporary directory when empty
	Format  Format   // of what is written to stdout
	Argv    []string // by which this program is run again without root; os.Args when nil
}

// Format is how Demo writes what became of its probes.
type Format uint8

// Text is a table for people, JSON one object a line for each probe.
const (
	Text Format = iota
	JSON
)

// MismatchError says that a lab did not do what its topology file expects.
type MismatchError struct{ Wrong, Of int }

// Error gives the numbers.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("%d of %d probes did not end as the topology file expects", e.Wrong, e.Of)
}

// Demo builds a lab, sends probes between every two hosts, writes to stdout what
// became of them and why, and removes everything but the capture, also when ctx
// ends meanwhile. Without root it runs this program again in a user namespace;
// the error is then an ExitError, or nil.
//
// It returns an UnavailableError where no lab can be built, and a MismatchError
// when the topology expects something else than what happened.
func Demo(ctx context.Context, o DemoOptions, stdout io.Writer) error {
	if err := prepare(); err != nil {
		if os.Getenv(again) != "" {
			return err
		}
		if o.Argv == nil {
			o.Argv = os.Args
		}
		return rerun(ctx, o.Argv)
	}
	begun := time.Now()
	t, remove, err := readOrExample(o.File, o.Options)
	if err != nil {
		remove()
		return err
	}
	if o.Name == "" {
		// Two demos may run at once.
		pid := fmt.Sprintf("-%d", os.Getpid())
		o.Name = t.Name[:min(len(t.Name), maxName-len(pid))] + pid
	}
	l, err := Start(ctx, t, o.Options)
	if err != nil {
		remove()
		return err
	}
	mismatch, err := l.demo(ctx, o, stdout)
	if closeErr := l.Close(); closeErr != nil || err != nil {
		return errors.Join(err, closeErr)
	}
	if o.Format == Text {
		fmt.Fprintf(stdout, "Everything else is removed. %v in all.\n", time.Since(begun).Round(100*time.Millisecond))
	}
	if mismatch != nil {
		return mismatch
	}
	return nil
}

func (l *Lab) demo(ctx context.Context, o DemoOptions, stdout io.Writer) (*MismatchError, error) {
	capture, err := l.Capture(GatewayName)
	if err != nil {
		return nil, err
	}
	if o.Format == Text {
		newReporter(l, nil).hosts(stdout)
		fmt.Fprintln(stdout)
	}
	cells, err := l.Matrix(ctx)
	if err != nil {
		return nil, err
	}
	capture.Stop()
	if o.Format == JSON {
		if err := writeJSON(stdout, cells); err != nil {
			return nil, err
		}
		if o.Capture != "" {
			if _, err := l.save(capture, o.Capture); err != nil {
				return nil, err
			}
		}
		wrong, of := newReporter(l, cells).expected(io.Discard)
		if wrong > 0 {
			return &MismatchError{Wrong: wrong, Of: of}, nil
		}
		return nil, nil
	}
	r := newReporter(l, cells)
	r.matrix(stdout)
	r.why(stdout)
	r.rules(stdout)
	wrong, of := r.expected(stdout)
	path, err := l.save(capture, o.Capture)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(stdout, "\n%d probes; %d of the %d outcomes that the topology file expects. What the gateway saw: %s\n", len(cells), of-wrong, of, path)
	if wrong > 0 {
		return &MismatchError{Wrong: wrong, Of: of}, nil
	}
	return nil, nil
}
