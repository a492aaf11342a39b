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

// check is one of the things that the watchdog looks at.
type check struct {
	name, well string
	wrong      string // "" if it is well
}

// ill lists what is not as it should be.
func (d *daemon) ill() (all []string) {
	for _, c := range d.checks() {
		if c.wrong != "" {
			all = append(all, c.wrong)
		}
	}
	return all
}

func (d *daemon) checks() []check {
	judging := check{name: "judging", well: "packets are judged, and packets that must be dropped are"}
	if f := d.judges.front; f != nil {
		p := f.Progress()
		switch since := time.Since(p.Answered); {
		case !p.Attached:
			judging.wrong = "no process judges packets"
		case since > staleAfter:
			judging.wrong = fmt.Sprintf("nothing was judged for %v", since.Round(time.Second))
		}
	}
	waiting := check{name: "queue", well: "no packet waits for long"}
	if d.overflow != nil && d.overflow.stuck.Load() {
		waiting.wrong = "packets wait and none is answered"
	}
	rules := check{name: "rules", well: "the netfilter rules are as they were installed"}
	switch g := &d.guard; {
	case !g.inPlace:
		rules.wrong = "the netfilter rules are not in place"
	case time.Since(g.checked) > staleAfter:
		rules.wrong = "the netfilter rules were not looked at"
	}
	around := check{name: "bypass", well: "nothing is known to lead packets around the rules"}
	if d.guard.open() {
		around.wrong = "packets go around the netfilter rules"
	}
	return []check{judging, waiting, rules, around, {name: "audit", well: "records are written", wrong: d.auditing.ill()}}
}
