package daemon

import (
	"errors"
	"fmt"
	"os"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/process"
	"labelgate/internal/queue"
	"labelgate/internal/sandbox"
)

// An upgrade makes this process run the program that lies at its path now: another
// version, or the same. The queue's descriptor is handed on, so packets wait in the
// kernel meanwhile, and none is lost as long as they fit into the queue.

// errUpgrade ends the tasks of a gateway that is about to be another program.
var errUpgrade = errors.New("another program is about to take over")

// tryUpgrade sees whether the new program can judge what this one judges: it is
// started as a judge and given the policy in force. Nothing has changed when it cannot.
//
// What it will read are the files as they are now. They are tried as well, and read by
// this program: who wants settings that only the new one knows writes them afterwards.
func (d *daemon) tryUpgrade() error {
	files, _, err := collect(d.Config, &d.bundle.Seal, d.Owners)
	if err != nil {
		return err
	}
	if d.judges.front == nil {
		_, err := d.bench.Prepare(files, d.summary.Generation)
		d.bench.Abort()
		return err
	}
	child, b, link, err := d.startJudge(d.program)
	if err != nil {
		return fmt.Errorf("%s: %w", d.program, err)
	}
	_, err = b.Prepare(files, d.summary.Generation)
	b.Close()
	link.Discard()
	if ended := child.Wait(exitPatience); err == nil && ended != nil {
		err = ended
	}
	if err != nil {
		return fmt.Errorf("%s: %w", d.program, err)
	}
	return nil
}

// upgrade begins an upgrade: when it returns nil, the tasks of the gateway are about
// to end.
func (d *daemon) upgrade() error {
	d.Log.Info("upgrading", "program", d.program)
	if err := d.tryUpgrade(); err != nil {
		d.Log.Error("upgrade refused, the program before goes on", "error", err)
		d.records.Write(&audit.Record{Event: audit.EventUpgrade, Action: audit.Denied, Process: roleKeeper, Detail: err.Error()})
		return err
	}
	d.notify(sd.SdNotifyReloading)
	d.count()
	d.upgrading.Store(true)
	go d.packets.Release() // waits for this goroutine's group
	return nil
}

// takeOver executes the new program. It returns only when that fails; then the queue's
// descriptor is this program's again.
func (d *daemon) takeOver() (err error) {
	h := &d.handover
	if h.Queue, err = another(d.packets.File()); err != nil {
		return err
	}
	if d.lock != nil {
		if h.Lock, err = another(d.lock.File()); err != nil {
			return err
		}
	}
	h.Raw, h.Records, h.Trail = int(d.raw.Fd()), int(d.auditing.producer.Fd()), int(d.auditing.auditor.Fd())
	h.Progress = int(d.auditing.progress.Fd())
	h.Auditor, h.Judge, h.Control = living(d.auditing.child), living(d.judges.child), living(d.controlling.child)
	h.Upgrades++
	h.Started, h.Stamp, h.Generation, h.Numbering = d.started, d.stamp, d.summary.Generation, d.summary.Numbering
	h.Seal = &d.bundle.Seal
	_ = d.overflow.poll() // what cannot be read now is on the next one's account
	h.Full, h.Buffer = d.overflow.full, d.overflow.buffer
	d.count()
	d.handCounts()
	d.records.Write(&audit.Record{Event: audit.EventUpgrade, Process: roleKeeper, PID: uint32(os.Getpid()), Detail: d.program})
	d.unregister() // the next one knows the kernel's own from ours
	return process.Replace(d.executeHere)
}

// executeHere is execute on the thread that children belong to.
func (d *daemon) executeHere() error {
	environment, err := d.handover.environment()
	if err != nil {
		return err
	}
	err = sandbox.Exec(d.program, os.Args, environment)
	d.handover.keep()
	return err
}

// stay takes back what the program that could not be executed was to have.
func (d *daemon) stay(why error) error {
	d.Log.Error("upgrade failed, the program before goes on", "error", why)
	d.records.Write(&audit.Record{Event: audit.EventUpgrade, Action: audit.Denied, Process: roleKeeper, Detail: why.Error()})
	d.upgrading.Store(false)
	d.register(d.config)
	q := d.config.Queue
	packets, err := queue.Adopt(queue.Config{Number: q.Number, Length: q.Length, Errorf: d.errorf}, d.handover.Queue)
	if err != nil {
		return err
	}
	d.packets.Close()
	d.packets = packets
	d.keepCounts()
	if d.handover.Lock != 0 {
		unix.Close(d.handover.Lock)
	}
	d.handover.Queue, d.handover.Lock = 0, 0
	d.handover.Auditor, d.handover.Judge, d.handover.Control = 0, 0, 0
	return nil
}

// another returns a descriptor of a file that nobody closes by himself.
func another(f *os.File, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
}
