package daemon

import (
	"errors"
	"sync/atomic"

	"labelgate/internal/audit"
	"labelgate/internal/auditor"
	"labelgate/internal/channel"
)

// tend looks after the other processes, each second. It waits for none of them: one
// that hangs must not keep the others from being looked after.
func (d *daemon) tend() {
	d.askJudge()
	d.askAuditor()
	d.tendControl()
	if t, ok := d.records.(*trail); ok {
		t.Flush()
	}
	d.feed()
}

// asking is the questions that wait for an answer.
type asking struct{ judge, auditor atomic.Bool }

// askJudge asks what became of packets.
func (d *daemon) askJudge() {
	if d.judges.missing || d.asking.judge.Swap(true) {
		return
	}
	b := d.bench
	go func() {
		all, err := b.Counts()
		d.asking.judge.Store(false)
		d.later(func() {
			switch {
			case err == nil:
				d.counted(b, all)
			case errors.Is(err, channel.ErrBroken) && d.bench == b && !d.judges.missing:
				// It may judge packets, but no policy gets to it any more.
				d.judges.child.Kill()
			}
		})
	}()
}

// counted takes the counts of a judge, unless there is another by now.
func (d *daemon) counted(b bench, all []audit.ZoneCounts) {
	if d.bench == b && !d.judges.missing {
		d.tally.take(d.plausible(all))
	}
}

// askAuditor asks how the records are. Who does not answer is replaced.
func (d *daemon) askAuditor() {
	a := &d.auditing
	if a.missing {
		d.tendAuditor("")
		return
	}
	if a.client == nil || d.asking.auditor.Swap(true) {
		return
	}
	client := a.client
	go func() {
		var state auditor.Status
		err := client.Call(verbState, struct{}{}, &state, answerPatience)
		d.asking.auditor.Store(false)
		d.later(func() {
			switch {
			case a.client != client: // another's
			case err != nil:
				d.tendAuditor("it does not answer: " + err.Error())
			default:
				a.took(state)
			}
		})
	}()
}

// later has follow do something. When follow is long behind, or over, it is not done.
func (d *daemon) later(do func()) {
	select {
	case d.found <- do:
	default:
	}
}
