package packets

import (
	"bytes"
	"strings"
	"testing"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
)

// finish looks at everything once more when all is over.
func (j *judge) finish(t *testing.T) {
	filtered := map[string]uint64{}
	for _, reason := range []string{audit.ReasonEthertype, audit.ReasonIPv6, audit.ReasonUnjudged} {
		filtered[reason] = j.count(t, reason)
	}
	if err := j.Daemon(lab.GatewayName).Stop(); err != nil {
		t.Error(err)
	}
	j.nothingElse(t)
	counted := map[string]uint64{}
	for i, r := range j.all {
		if r.Event == audit.EventFiltered {
			counted[r.Reason] += r.Count
		}
		if r.Seq != j.all[0].Seq+uint64(i) {
			t.Errorf("record %d has the number %d", i, r.Seq)
		}
	}
	for reason, n := range filtered {
		if counted[reason] < n {
			j.silent += int(n - counted[reason])
			t.Errorf("netfilter has dropped %d packets as %s, of %d there are records", n, reason, counted[reason])
		}
	}
	for _, c := range j.cables {
		c.capture.Stop()
		if n := c.capture.Lost(); n > 0 {
			t.Errorf("the witness on %s missed %d packets", c.name, n)
		}
	}
	for _, name := range unlabeled {
		for _, p := range j.cables[name].capture.Packets() {
			if found := labels(p.Frame); !p.Outgoing && len(found) > 0 {
				j.leaks += len(found)
				t.Errorf("on the cable of %s: %s in % x", name, strings.Join(found, ", "), p.Frame)
			}
		}
	}
	j.grayHears(t)
}

// grayHears: who knows nothing of labels hears of no drop but of those for size. What
// the kernel says of itself is in the rows.
func (j *judge) grayHears(t *testing.T) {
	for _, p := range j.cables["gray"].capture.Packets() {
		b := packetIn(p.Frame)
		n := headerLen(b)
		if p.Outgoing || n == 0 || b[9] != protoICMP || len(b) < n+8 || !bytes.Equal(b[12:16], j.cables["gray"].host.Gateway.AsSlice()) {
			continue
		}
		if kind, code := b[n], b[n+1]; kind == 12 || kind == 3 && (code == 9 || code == 10) {
			t.Errorf("gray heard %d/%d", kind, code)
		}
	}
}
