package daemon

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"labelgate/internal/audit"
	"labelgate/internal/channel"
	"labelgate/internal/process"
	"labelgate/internal/split"
)

// judges keeps one process that judges, and starts another when it ends or hangs.
type judges struct {
	front *split.Front
	child *process.Child
	// judging is the same for who serves the queue: a judge that failed is killed at
	// once, so that nobody waits for its answer.
	judging atomic.Pointer[process.Child]
	// failed has a value when a judge failed. What it had is recorded by then.
	failed   chan error
	missing  bool // there is none; why says why not
	why      error
	restarts uint64
	last     string        // how the one before ended
	told     string        // why there is none, as said last
	owned    uint64        // of outstanding ones, on record
	lost     atomic.Uint64 // packets that judges had and did not answer
}

// failedJudge is split.Config.Lost: it is called by whoever serves the queue, before
// the packets are dropped.
func (d *daemon) failedJudge(packets int, why error) {
	d.judges.lost.Add(uint64(packets))
	if c := d.judges.judging.Load(); c != nil {
		c.Kill()
	}
	event := audit.EventCrash
	if errors.Is(why, split.ErrHung) {
		event = audit.EventHang
	}
	d.records.Write(&audit.Record{Event: event, Action: audit.Denied, Process: roleJudge, Verdict: "drop", Count: uint64(packets), Detail: why.Error()})
	select {
	case d.judges.failed <- why:
	default: // one is enough to have it replaced
	}
}

// startJudge starts a judge and has it load what is in force, or what is about to be
// at the start. It sees no packet yet.
func (d *daemon) startJudge(program string) (*process.Child, *remoteBench, *split.Link, error) {
	link, err := split.NewLink()
	if err != nil {
		return nil, nil, nil, err
	}
	ours, theirs, err := channel.Pair()
	if err != nil {
		link.Discard()
		return nil, nil, nil, err
	}
	tables, tablesTheirs, err := channel.Pair()
	if err != nil {
		link.Discard()
		ours.Close()
		theirs.Close()
		return nil, nil, nil, err
	}
	files := append([]*os.File{theirs, d.auditing.producer, d.raw}, link.Files()...)
	files = append(files, tablesTheirs)
	child, err := process.Start(process.Spec{Program: program, Role: roleJudge, Arguments: []string{d.judgeArguments()}, Files: files})
	// While this process has them it does not see that the other has ended.
	theirs.Close()
	tablesTheirs.Close()
	link.Started()
	if err != nil {
		link.Discard()
		ours.Close()
		tables.Close()
		return nil, nil, nil, err
	}
	b, err := newRemoteBench(ours, tables)
	if err != nil {
		child.Kill()
		link.Discard()
		return nil, nil, nil, err
	}
	b.log = d.Log
	if err := b.client.Call(verbConfine, struct{}{}, &b.sandbox, answerPatience); err != nil {
		b.Close()
		link.Discard()
		child.Kill()
		return nil, nil, nil, fmt.Errorf("judge: %w", err)
	}
	return child, b, link, nil
}

// firstJudge starts the judge that the gateway begins with.
func (d *daemon) firstJudge() (link *split.Link, err error) {
	child, b, link, err := d.startJudge(process.Self)
	if err != nil {
		return nil, err
	}
	d.judges.child, d.bench = child, b
	d.judges.judging.Store(child)
	return link, nil
}

// ended is closed when the judge has ended, nil when that is known.
func (j *judges) ended() <-chan struct{} {
	if j.child == nil || j.missing {
		return nil
	}
	return j.child.Done()
}

// reviveJudge replaces a judge that failed by another with the same policy. Nothing passes meanwhile.
func (d *daemon) reviveJudge(why error) {
	j := &d.judges
	if !j.missing {
		j.child.Kill()
		<-j.child.Done()
		j.last = j.child.Ended()
		d.bench.Close()
		d.Log.Error("the process that judges packets failed and is replaced; packets wait meanwhile", "why", why, "end", j.last)
		d.ownUp()
		d.tally.end()
	}
	j.missing, j.why = true, why
	if err := d.replaceJudge(process.Self); err != nil {
		if told := err.Error(); told != j.told {
			j.told = told
			d.Log.Error("no packet is judged: another process could not be started; it is tried again", "error", err)
		}
		return
	}
	j.missing, j.told = false, ""
	j.restarts++
	select {
	case <-j.failed: // said of the one that is gone
	default:
	}
	d.Log.Info("another process judges packets now", "pid", j.child.PID(), "restarts", j.restarts)
}

// replaceJudge starts a judge with the policy in force and gives the packets to it
// from the next batch on.
func (d *daemon) replaceJudge(program string) error {
	child, b, link, err := d.startJudge(program)
	if err != nil {
		return err
	}
	discard := func(err error) error {
		b.Close()
		child.Kill()
		link.Discard()
		return err
	}
	// It gets what was read then, whatever the files hold by now.
	_, err = b.Prepare(d.bundle, d.summary.Generation)
	if err != nil {
		return discard(err)
	}
	b.SetTranslated(d.guard.translated)
	if err := b.Commit(d.stamp); err != nil {
		return discard(err)
	}
	if err := d.judges.front.Attach(link); err != nil {
		return discard(err)
	}
	old, before := d.judges.child, d.bench
	d.judges.child, d.bench = child, b
	d.judges.judging.Store(child)
	if old.Alive() { // it did not fail, it was replaced
		before.Close()
		go old.Wait(exitPatience)
	}
	return nil
}

// ownUp records how many decisions no record tells of because a judge ended before it
// had summed them up.
func (d *daemon) ownUp() {
	counters := d.judges.front.Counters()
	now := counters.Of(split.Outstanding)
	// A judge that was taken over may have counted backward.
	if n := now - d.judges.owned; now > d.judges.owned {
		d.records.Write(&audit.Record{Event: audit.EventSuppressed, Action: audit.Denied, Reason: audit.ReasonDied, Process: roleJudge, Count: n})
	}
	d.judges.owned = now
}
