package daemon

import (
	"strings"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/nft"
	"labelgate/internal/split"
)

// TestWatchdog: what is not as it should be, what is said of it, and whether a new
// start would mend it.
func TestWatchdog(t *testing.T) {
	long := uint64(time.Minute)
	for _, test := range []struct {
		name    string
		spoil   func(d *daemon)
		wrong   string
		restart bool
	}{
		{"well", func(*daemon) {}, "", false},
		{"no judge", func(d *daemon) { d.judges.front = split.NewFront(split.Config{}) }, "no process judges packets", true},
		{"packets wait", func(d *daemon) { d.overflow.stuck.Store(true) }, "packets wait", true},
		{"no rules", func(d *daemon) { d.guard.inPlace = false }, "not in place", true},
		{"rules that nobody looks at", func(d *daemon) { d.guard.checked = time.Now().Add(-time.Minute) }, "not looked at", true},
		{"a way around", func(d *daemon) { d.guard.told = map[nft.Bypass]bool{{Grave: true, What: "a bridge"}: true} }, "go around", false},
		{"a way around, perhaps", func(d *daemon) { d.guard.told = map[nft.Bypass]bool{{What: "a bridge"}: true} }, "", false},
		{"no auditor", func(d *daemon) { d.auditing.missing = true }, "no process writes", false},
		{"a full disk", func(d *daemon) {
			d.auditing.state.BlockedSince, d.auditing.state.LastError = monotonic()-long, "no space"
		}, "no space", false},
		{"a disk that was full a moment ago", func(d *daemon) { d.auditing.state.BlockedSince = monotonic() }, "", false},
		{"an auditor that knows the future", func(d *daemon) { d.auditing.state.BlockedSince = monotonic() + long }, "", false},
		{"two things", func(d *daemon) { d.guard.inPlace, d.auditing.missing = false, true }, "; ", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, log, records, _ := newDaemon(t, write(t, settings, rules, hosts))
			d.overflow, d.guard.inPlace, d.guard.checked = &overflow{}, true, time.Now()
			test.spoil(d)
			ill := strings.Join(d.ill(), "; ")
			if (ill == "") != (test.wrong == "") || !strings.Contains(ill, test.wrong) {
				t.Errorf("%q, want %q", ill, test.wrong)
			}
			if got := d.needsRestart(); got != test.restart {
				t.Errorf("a new start mends it: %v, want %v", got, test.restart)
			}
			if h := d.health(); h.Healthy != (test.wrong == "") || len(h.Checks) != 5 {
				t.Errorf("%+v", h)
			}
			// It is said once, and once that it is over.
			for range 3 {
				d.feed()
			}
			want := 0
			if test.wrong != "" {
				want = 1
			}
			if n := strings.Count(records.String(), audit.EventWatchdog); n != want {
				t.Errorf("%d records, want %d:\n%s%s", n, want, records, log)
			}
		})
	}
}
