package daemon

import (
	"fmt"
	"strings"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"labelgate/internal/audit"
	"labelgate/internal/split"
)

// watchdog tells the service manager that the gateway is well, as long as it is: not
// that this process still runs, but that packets are judged and rightly, that records
// are written, and that the rules are there.
type watchdog struct {
	asked bool   // the service manager wants to know
	said  string // what is wrong, as said last
}

// newWatchdog looks whether the service manager wants to hear (sd_watchdog_enabled(3)).
func newWatchdog() watchdog {
	every, err := sd.SdWatchdogEnabled(false)
	return watchdog{asked: err == nil && every > 0}
}

// feed is called each second.
func (d *daemon) feed() {
	w := &d.watchdog
	ill := strings.Join(d.ill(), "; ")
	if ill != w.said {
		w.said = ill
		if ill != "" {
			d.Log.Error("the gateway is not well", "why", ill)
			d.records.Write(&audit.Record{Event: audit.EventWatchdog, Action: audit.Denied, Reason: audit.ReasonIll, Detail: ill})
		} else {
			d.Log.Info("the gateway is well again")
			d.records.Write(&audit.Record{Event: audit.EventWatchdog, Reason: audit.ReasonWell})
		}
	}
	if ill == "" && w.asked {
		d.notify(sd.SdNotifyWatchdog)
	}
}

// staleAfter is how old the last sign of life may be: a judge answers self-tests each
// second when there is nothing else, and has as long as this for a batch.
const staleAfter = split.DefaultTimeout + 2*time.Second

// ill lists what is not as it should be.
func (d *daemon) ill() (all []string) {
	if f := d.judges.front; f != nil {
		p := f.Progress()
		switch since := time.Since(p.Answered); {
		case !p.Attached:
			all = append(all, "no process judges packets")
		case since > staleAfter:
			all = append(all, fmt.Sprintf("nothing was judged for %v", since.Round(time.Second)))
		}
	}
	if d.overflow != nil && d.overflow.stuck.Load() {
		all = append(all, "packets wait and none is answered")
	}
	switch g := &d.guard; {
	case !g.inPlace:
		all = append(all, "the netfilter rules are not in place")
	case time.Since(g.checked) > staleAfter:
		all = append(all, "the netfilter rules were not looked at")
	case g.open():
		all = append(all, "packets go around the netfilter rules")
	}
	if why := d.auditing.ill(); why != "" {
		all = append(all, why)
	}
	return all
}
