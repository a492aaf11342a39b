package daemon

import (
	"errors"
	"fmt"
	"os"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/auditor"
	"labelgate/internal/channel"
	"labelgate/internal/process"
	"labelgate/internal/sandbox"
)

// auditing keeps the process that writes records.
type auditing struct {
	producer, auditor *os.File // both ends of the socket: what waits in it outlives either side
	progress          *os.File // memory in which they say how far they came
	child             *process.Child
	client            *channel.Client
	sandbox           sandbox.State
	missing           bool   // there is none
	told              string // why not, as said last
	restarts          uint64
	last              string
	state             auditor.Status
}

// What the keeper asks of the auditor.
const (
	verbOpen   = "open"
	verbState  = "state"
	verbRotate = "rotate"
)

// beginTrail makes the socket that records go through, or takes that of the program
// before. They wait in it until somebody writes them.
func (d *daemon) beginTrail() (err error) {
	a := &d.auditing
	a.producer, a.auditor = file(d.handover.Records, "records"), file(d.handover.Trail, "trail")
	if a.producer == nil || a.auditor == nil {
		if a.producer, a.auditor, err = audit.NewPair(d.config.Audit.Buffer); err != nil {
			return err
		}
	}
	if a.progress = file(d.handover.Progress, "progress"); a.progress == nil {
		if a.progress, err = newProgress(); err != nil {
			return err
		}
	}
	d.records = &trail{pipe: audit.NewPipe(int(a.producer.Fd()), audit.PipeOptions{Full: full(d.config)})}
	return nil
}

func (d *daemon) startAuditor() error {
	a := &d.auditing
	ours, theirs, err := channel.Pair()
	if err != nil {
		return err
	}
	// It outlives this process: what waits in the socket is to be written.
	child, err := process.Start(process.Spec{
		Program: process.Self, Role: roleAuditor, Files: []*os.File{theirs, a.auditor, a.progress}, Outlive: true,
	})
	theirs.Close() // else this process does not see that the other has ended
	if err != nil {
		ours.Close()
		return err
	}
	client, err := channel.NewClient(ours)
	if err == nil {
		if err = client.Call(verbOpen, d.config.Audit, &a.sandbox, openPatience); err != nil {
			client.Close()
		}
	}
	if err != nil {
		child.Kill()
		var said *channel.Error
		if errors.As(err, &said) {
			err = said // what was asked need not be said
		}
		return fmt.Errorf("audit records: %w", err)
	}
	a.child, a.client = child, client
	return nil
}

// openPatience is how long the records' place may take to open.
const openPatience = answerPatience

// endTrail closes the socket when all have said what they had to say, and waits until
// that is written.
func (d *daemon) endTrail() {
	a := &d.auditing
	for _, f := range []*os.File{a.producer, a.auditor, a.progress} {
		f.Close()
	}
	if a.child == nil {
		return
	}
	a.client.Close()
	select {
	case <-a.child.Done():
	case <-time.After(exitPatience):
		within(exitPatience, func() {
			d.Log.Error("the last audit records are not written yet: their writer hangs; it goes on", "pid", a.child.PID(), "waited", exitPatience)
		})
	}
}

// tendAuditor starts another auditor in the place of one that ended, or that is at
// fault for some reason. Nothing is lost: what it had not written waits in the socket.
func (d *daemon) tendAuditor(why string) {
	a := &d.auditing
	if a.child == nil {
		return // records of a test go elsewhere
	}
	if !a.missing {
		a.child.Kill()
		<-a.child.Done()
		a.client.Close()
		a.last = a.child.Ended()
		d.handover.Counted.Written += a.state.Written
		d.handover.Counted.Failures += a.state.Retries
		a.state.Written, a.state.Retries = 0, 0
		if why == "" {
			why = a.last
		}
		d.Log.Error("the process that writes audit records ended and is started anew; records wait meanwhile", "why", why)
	}
	err := d.startAuditor()
	if a.missing = err != nil; a.missing {
		if said := err.Error(); said != a.told {
			a.told = said
			d.Log.Error("no audit record is written; it is tried again", "error", err)
		}
		return
	}
	a.told = ""
	a.restarts++
	d.records.Write(&audit.Record{Event: audit.EventCrash, Process: roleAuditor, Detail: a.last})
}

// took remembers how the records are, as the auditor says.
func (a *auditing) took(s auditor.Status) {
	s.LastError = clip(s.LastError)
	a.state = s
}

// ended is closed when the auditor has ended, nil when that is known.
func (a *auditing) ended() <-chan struct{} {
	if a.child == nil || a.missing {
		return nil
	}
	return a.child.Done()
}

// ill says what is wrong with the audit trail, "" if nothing is.
func (a *auditing) ill() string {
	if a.missing {
		return "no process writes audit records"
	}
	if since := a.state.BlockedSince; since != 0 {
		if blocked := time.Duration(monotonic() - since); blocked > staleAfter {
			return "audit records are not written: " + a.state.LastError
		}
	}
	return ""
}

// monotonic is CLOCK_MONOTONIC in nanoseconds, which all processes share.
func monotonic() uint64 {
	_, mono := clock.Now()
	return mono
}

var clock = audit.NewClock()
