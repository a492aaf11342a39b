package daemon

import (
	"encoding/json"
	"strings"
	"testing"

	"labelgate/internal/auditor"
	"labelgate/internal/control"
	"labelgate/internal/queue"
)

// TestStatusBounded: whatever went wrong, and whatever another process says of it, a
// status fits into an answer.
func TestStatusBounded(t *testing.T) {
	const most = control.MaxAnswer / 4
	huge := strings.Repeat("\x1b", 2*control.MaxAnswer)
	for _, test := range []struct {
		name string
		do   func(t *testing.T, d *daemon)
	}{
		{"a policy with many problems", func(t *testing.T, d *daemon) {
			replace(t, inPolicy(d.Config, "accesses.d/site"), rules, rules+strings.Repeat("Foo Pop what-is-this-supposed-to-mean\n", 60_000))
			if d.reload() == nil {
				t.Error("it is taken")
			}
		}},
		{"an auditor that talks much", func(_ *testing.T, d *daemon) { d.auditing.took(auditor.Status{BlockedSince: 1, LastError: huge}) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, _, _, _ := newDaemon(t, write(t, settings, rules, hosts))
			d.overflow, d.packets = &overflow{}, new(queue.Queue)
			test.do(t, d)
			b, err := json.Marshal(d.status())
			if err != nil {
				t.Fatal(err)
			}
			if len(b) > most {
				t.Errorf("a status of %d bytes, an answer has at most %d", len(b), control.MaxAnswer)
			}
		})
	}
}
