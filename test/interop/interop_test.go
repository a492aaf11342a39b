//go:build interop

package interop

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
	"labelgate/test/interop/talk"
)

// TestRealKernels: processes of two real Smack kernels and hosts without labels
// talk through the gateway, and everybody sees the same labels.
func TestRealKernels(t *testing.T) {
	if built.programs == "" {
		t.Skip("needs root: makes network namespaces and taps in them")
	}
	n := up(t)
	n.warm(t)
	if all := n.look(t).records; len(all) > 0 {
		n.before = all[len(all)-1].Seq
	}
	rows := n.rows()
	begun := time.Now()
	n.run(t, rows)
	e := n.gather(t, rows)
	t.Logf("%d rows in %v", len(rows), time.Since(begun).Round(time.Millisecond))

	var findings []*finding
	for _, r := range rows {
		findings = append(findings, e.judge(r))
	}
	for _, f := range findings {
		for _, fault := range f.faults {
			t.Errorf("%s %v -> %v: %s", f.Proto, f.from, f.to, fault)
		}
	}
	e.unexplained(t, findings)
	n.report(t, findings)
}

// atOnce is the number of rows that are under way at the same time.
const atOnce = 8

func (n *network) run(t *testing.T, rows []*row) {
	t.Helper()
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, r := range rows {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			a, err := n.say(r.from, r.Send)
			if err != nil {
				t.Errorf("%s %v -> %v: %v", r.Proto, r.from, r.to, err)
			}
			r.answer = a
		})
	}
	wg.Wait()
}

// gather takes what everybody has seen, once no more is to be expected.
func (n *network) gather(t *testing.T, rows []*row) *evidence {
	t.Helper()
	// Nothing says that no more will come; a datagram that is refused is never
	// answered. Some looks at the same number of records are taken for an end.
	end := time.Now().Add(calmest)
	for before, calm := -1, 0; calm < 3 && time.Now().Before(end); {
		time.Sleep(200 * time.Millisecond)
		now := len(n.look(t).records)
		if calm++; now != before {
			before, calm = now, 0
		}
	}
	for _, c := range append(slices.Collect(maps.Values(n.cables)), n.taps) {
		c.Stop()
		if lost := c.Lost(); lost > 0 {
			t.Errorf("a capture missed %d packets", lost)
		}
	}
	e := n.look(t)
	e.packets = map[*lab.Capture][]lab.Captured{n.taps: n.taps.Packets()}
	for _, c := range n.cables {
		e.packets[c] = c.Packets()
	}
	return e
}

// calmest is how long that may take: kernels repeat for half a minute what nobody
// answers, and nothing new comes of it.
const calmest = 5 * time.Second

// look takes what has been seen so far.
func (n *network) look(t *testing.T) *evidence {
	t.Helper()
	e := &evidence{network: n, kernel: map[*machine][]judgement{}, heard: map[*machine][]talk.Heard{}}
	all, err := n.Records(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		switch r.Event {
		case audit.EventDecision:
			if r.Seq > n.before {
				e.records = append(e.records, r)
			}
		case audit.EventSuppressed, audit.EventQueueOverflow:
			t.Fatalf("the gateway lost %d records or packets: %s", r.Count, r.Reason)
		}
	}
	for m, g := range n.guests {
		g.mu.Lock()
		for _, line := range g.kernel {
			j, err := parseJudgement(line)
			if err != nil {
				t.Fatal(err)
			}
			e.kernel[m] = append(e.kernel[m], j)
		}
		e.heard[m] = slices.Clone(g.heard)
		for _, f := range g.faults {
			t.Errorf("guest %s: %s", m.name, f)
		}
		g.faults = nil
		g.mu.Unlock()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for m, heard := range n.heard {
		e.heard[m] = slices.Clone(heard)
	}
	return e
}

// unexplained names what the gateway refused and no row that is forbidden was the
// reason of.
func (e *evidence) unexplained(t *testing.T, findings []*finding) {
	t.Helper()
	seen := map[string]int{}
	for i := range e.records {
		r := &e.records[i]
		if r.Action != audit.Denied {
			continue
		}
		if !slices.ContainsFunc(findings, func(f *finding) bool {
			return f.is(r, false) && f.want.refuses() && !f.want.back || f.is(r, true) && (f.want.back || !f.want.answer)
		}) {
			seen[fmt.Sprintf("%s: %q from %s to %s, protocol %d, ICMP type %d", r.Reason, r.Subject, r.Saddr, r.Daddr, r.Proto, r.ICMPType)]++
		}
	}
	for what, count := range seen {
		t.Errorf("refused, of no row: %d x %s", count, what)
	}
}
