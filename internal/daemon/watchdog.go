package daemon

import (
	"fmt"
	"slices"
	"strings"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"labelgate/internal/audit"
	"labelgate/internal/split"
)

// watchdog tells the service manager that the gateway is well, as long as it is: not
// that this process still runs, but that packets are judged and rightly, that records
// are written, and that the rules are there. It goes on telling where a new start would
// mend nothing.
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
	if w.asked && !d.needsRestart() {
		d.notify(sd.SdNotifyWatchdog)
	}
}

// needsRestart reports whether a gateway that is started anew would be better off.
func (d *daemon) needsRestart() bool {
	return slices.ContainsFunc(d.checks(), func(c check) bool { return c.wrong != "" && !c.lasting })
}

// staleAfter is how old the last sign of life may be: a judge answers self-tests each
// second when there is nothing else, and has as long as this for a batch.
const staleAfter = split.DefaultTimeout + 2*time.Second

// check is one of the things that the watchdog looks at.
type check struct {
	name, well string
	wrong      string // "" if it is well

	// lasting: it is for somebody else to mend. On a disk that is full a gateway that
	// is started anew writes no records either, and those that waited for room would
	// be lost each time.
	lasting bool
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
	around := check{name: "bypass", well: "nothing is known to lead packets around the rules", lasting: true}
	if d.guard.open() {
		around.wrong = "packets go around the netfilter rules"
	}
	return []check{judging, waiting, rules, around, {name: "audit", well: "records are written", wrong: d.auditing.ill(), lasting: true}}
}
