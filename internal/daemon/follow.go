package daemon

import (
	"context"
	"fmt"
	"time"

	"labelgate/internal/split"
)

// follow keeps the gateway up to date until ctx ends. Everything that changes it is
// done here, one thing at a time.
func (d *daemon) follow(ctx context.Context) error {
	ticker := time.NewTicker(guardInterval)
	defer ticker.Stop()
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			d.count() // what the rules dropped since the last look is on record as well
			return nil
		case <-d.signals.reload:
			d.reload()
		case <-d.signals.upgrade:
			d.upgrade()
		case <-d.links.Changed():
			d.relink()
		case <-d.notices:
			d.watch()
		case why := <-d.judges.failed:
			d.reviveJudge(why)
		case <-d.judges.ended():
			d.reviveJudge(split.ErrGone)
		case <-retry.C:
			d.reviveJudge(d.judges.why)
		case <-d.auditing.ended():
			d.tendAuditor("")
		case do := <-d.found:
			do()
		case do := <-d.requests:
			do()
		case <-ticker.C:
			d.watch()
			d.verdicts.watch(d.records)
			d.tend()
			if err := d.expiry.look(d, d.bundle, time.Now()); err != nil {
				d.records.Write(ended(d.summary.Generation, err))
				d.count()
				return err
			}
		}
		if d.judges.missing {
			retry.Reset(retryInterval)
		}
	}
}

func (d *daemon) errorf(format string, args ...any) {
	d.Log.Error(fmt.Sprintf(format, args...))
}
