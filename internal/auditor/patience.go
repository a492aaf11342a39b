package auditor

import (
	"fmt"
	"io"
	"time"
)

// How long the auditor waits before it tries again what failed.
const (
	shortestWait = 50 * time.Millisecond
	longestWait  = 500 * time.Millisecond
)

// patience tries again until something succeeds or quit is closed.
type patience struct {
	quit  <-chan struct{}
	meter *meter
}

// until calls try until it returns no error. It gives up, with the last of them,
// only when the auditor must end.
func (p *patience) until(what string, try func() error) error {
	return p.advance(what, func() (bool, error) { return false, try() })
}

// advance is until for what goes on where it failed. try reports whether it got
// any further.
func (p *patience) advance(what string, try func() (further bool, err error)) error {
	wait := shortestWait
	for {
		p.meter.trying()
		further, err := try()
		if err == nil {
			p.meter.moved()
			return nil
		}
		if further {
			wait = shortestWait
		}
		p.meter.failed(fmt.Errorf("%s: %w", what, err))
		select {
		case <-p.quit:
			return fmt.Errorf("%s: %w", what, err)
		case <-time.After(wait):
		}
		wait = min(2*wait, longestWait)
	}
}

// write writes all of b. What the writer has taken is not written again.
func (p *patience) write(w io.Writer, what string, b []byte) error {
	return p.advance(what, func() (bool, error) {
		n, err := w.Write(b)
		b = b[min(max(n, 0), len(b)):]
		if err == nil && len(b) > 0 {
			err = io.ErrShortWrite
		}
		return n > 0, err
	})
}
