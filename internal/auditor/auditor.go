package auditor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"labelgate/internal/audit"
)

// output is where records go. It belongs to the auditor's goroutine.
type output interface {
	// start brings the output into order before the first write.
	start() error
	// write numbers the records of a datagram and writes those that are not there
	// yet. It returns an error only when the auditor must end.
	write(d *datagram, records []audit.Record) error
	// note has a record of the auditor's own written by the next tick.
	note(audit.Record)
	// tick does what is due, and wait says when it is to be called again.
	tick() error
	wait() time.Duration
	rotateAsked()
	// stop completes the output.
	stop() error
	close() error
}

// Auditor has everything open that it needs: after Open the process may be locked
// down.
type Auditor struct {
	config Config
	source *source
	reader reader
	out    output
	kernel *kernelCopy
	meter  meter
	clock  clockWatch

	quit     chan struct{} // closed when nothing is waited for any more
	stopping atomic.Bool
	rotating atomic.Bool
}

// Open opens the socket, the output and what else the settings name. It writes
// nothing.
func Open(c Config) (*Auditor, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	a := &Auditor{config: c, quit: make(chan struct{})}
	a.meter.now = c.Now
	a.clock = newClockWatch(c.Now)
	var err error
	if a.source, err = openSource(c.Socket); err != nil {
		return nil, err
	}
	if a.out, err = a.openOutput(); err != nil {
		a.source.close()
		return nil, err
	}
	if c.SealCopy == Journal {
		openJournal()
	}
	if c.Kernel {
		a.openKernel()
	}
	return a, nil
}

func (a *Auditor) openOutput() (output, error) {
	p := patience{a.quit, &a.meter}
	switch a.config.Output {
	case Stdout:
		return newStream(&a.config, a.config.Stdout, p), nil
	case Stderr:
		return newStream(&a.config, a.config.Stderr, p), nil
	case Journal:
		openJournal()
		return newJournal(&a.config, p), nil
	}
	f, err := openFile(&a.config, p)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (a *Auditor) openKernel() {
	conn, err := a.config.dialed.kernel()
	if err != nil {
		a.degraded(fmt.Errorf("the kernel's audit subsystem: %w", err))
		return
	}
	a.kernel = &kernelCopy{conn: conn}
}

// degraded tells the operator and the records that a part of recording fails.
func (a *Auditor) degraded(err error) {
	a.config.Errorf("audit: %v; the audit trail goes on", err)
	a.out.note(audit.Record{Event: audit.EventAuditDegraded, Process: audit.ProcessAuditor, Detail: err.Error()})
}

// Status says how the auditor fares. Any goroutine may ask.
func (a *Auditor) Status() Status { return a.meter.status() }

// ErrStuck: the output takes nothing, and does not even say so.
var ErrStuck = errors.New("the output for audit records hangs")

// ErrLeft: there are records in the socket for another auditor.
var ErrLeft = errors.New("audit records are left to write")

// Serve opens an Auditor and runs it.
func Serve(ctx context.Context, c Config) error {
	a, err := Open(c)
	if err != nil {
		return err
	}
	return a.Serve(ctx)
}

// Serve writes what comes until nobody can send any more, or until ctx ends and
// the socket is empty. Then it seals what it wrote and closes everything. When the
// output takes nothing for Config.Patience behind the end of ctx, or the socket does
// not become empty in thirty times that, Serve returns an error; what is left is in
// the socket.
func (a *Auditor) Serve(ctx context.Context) error {
	ended := make(chan error, 1)
	over := make(chan struct{})
	var helpers sync.WaitGroup
	helpers.Go(func() { a.hurry(ctx, over) })
	if a.config.Heartbeat != nil {
		helpers.Go(func() { a.beat(over) })
	}
	if a.config.Rotate != nil {
		helpers.Go(func() { a.listen(over) })
	}
	go func() { ended <- a.run() }()
	defer helpers.Wait()
	defer close(over)
	select {
	case err := <-ended:
		return err
	case <-a.quit:
	}
	// What waits and tries again ends now; a write that hangs does not.
	select {
	case err := <-ended:
		return err
	case <-time.After(longestWait):
		return ErrStuck
	}
}

// hurry lets the auditor end when ctx does. It goes on as long as it gets on with
// what waits, but not for ever: somebody may go on sending.
func (a *Auditor) hurry(ctx context.Context, over <-chan struct{}) {
	select {
	case <-over:
		return
	case <-ctx.Done():
	}
	a.stopping.Store(true)
	a.source.wake()
	const rounds = 30
	before := a.meter.progress.Load()
	for range rounds {
		select {
		case <-over:
			return
		case <-time.After(a.config.Patience):
		}
		now := a.meter.progress.Load()
		if now == before {
			break
		}
		before = now
	}
	close(a.quit)
}

func (a *Auditor) beat(over <-chan struct{}) {
	ticker := time.NewTicker(longestTick)
	defer ticker.Stop()
	for {
		a.config.Heartbeat(a.Status())
		select {
		case <-over:
			return
		case <-ticker.C:
		}
	}
}

func (a *Auditor) listen(over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case _, ok := <-a.config.Rotate:
			if !ok {
				return
			}
			a.rotating.Store(true)
			a.source.wake()
		}
	}
}

func (a *Auditor) run() (err error) {
	defer func() {
		a.kernel.close()
		err = errors.Join(err, a.source.close(), a.out.close())
	}()
	if err := a.out.start(); err != nil {
		return err
	}
	for {
		if err := a.tick(); err != nil {
			return err
		}
		d, err := a.next()
		switch {
		case errors.Is(err, errNothing) && a.stopping.Load(), errors.Is(err, errOver):
			return a.stop()
		case errors.Is(err, errNothing):
			continue
		case err != nil:
			return err
		}
		if err := a.take(&d); err != nil {
			return err
		}
		select {
		case <-a.quit: // who sends does not stop, but the auditor must
			return errors.Join(a.stop(), ErrLeft)
		default:
		}
	}
}

// next waits for a datagram as long as nothing else is due.
func (a *Auditor) next() (datagram, error) {
	a.source.until(a.out.wait())
	if a.stopping.Load() || a.rotating.Load() {
		a.source.wake()
	}
	return a.source.peek()
}

// take writes a datagram, and then takes it out of the socket.
func (a *Auditor) take(d *datagram) error {
	records, garbage := a.reader.read(d)
	a.meter.garbage.Add(garbage)
	if err := a.out.write(d, records); err != nil {
		return err
	}
	if err := a.source.consume(); err != nil {
		return err
	}
	a.meter.datagrams.Add(1)
	if err := a.kernel.send(records); err != nil {
		a.degraded(err)
	}
	return nil
}

func (a *Auditor) tick() error {
	if r, jumped := a.clock.look(a.config.Now()); jumped {
		a.out.note(r)
	}
	if o, ok := a.meter.ended(); ok {
		a.out.note(audit.Record{
			Event: audit.EventAuditRecovered, Process: audit.ProcessAuditor, Reason: audit.ReasonOutput,
			FirstMono: o.first, LastMono: o.last, Detail: fmt.Sprintf("tried again %d times: %v", o.tries, o.err),
		})
	}
	if a.rotating.Swap(false) {
		a.out.rotateAsked()
	}
	return a.out.tick()
}

func (a *Auditor) stop() error {
	if err := a.tick(); err != nil {
		return err
	}
	return a.out.stop()
}
