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
	"labelgate/test/figures"
	"labelgate/test/interop/orders"
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
	e := n.gather(t)
	if e.lost > 0 {
		t.Fatalf("the gateway lost %d records or packets", e.lost)
	}
	t.Logf("%d rows in %v", len(rows), time.Since(begun).Round(time.Millisecond))
	var findings []*finding
	for _, r := range rows {
		f := e.judge(r)
		for _, fault := range f.faults {
			t.Errorf("%s %v -> %v: %s", f.Proto, f.from, f.to, fault)
		}
		findings = append(findings, f)
	}

	for _, g := range n.guests {
		if _, err := g.order(orders.Order{Do: orders.Quiet}, orderPatience); err != nil {
			t.Fatal(err)
		}
	}
	begun = time.Now()
	large := n.large()
	n.run(t, large)
	n.settle(t)
	n.stop(t)
	t.Logf("%d large ones in %v", len(large), time.Since(begun).Round(time.Millisecond))
	e = n.look(t)
	for _, f := range findings {
		if f.want.refuses() && !f.reached {
			if e.arrival(f); f.reached {
				t.Errorf("%s %v -> %v: forbidden (%s), and delivered later", f.Proto, f.from, f.to, f.want.reason)
			}
		}
	}
	e.unexplained(t, findings)
	n.report(t, findings,
		figures.Figure{ID: "interop/large", Value: float64(e.heardWhole(t, large)), Unit: "rows of many packets, arrived whole"}.AtLeast(float64(len(large))))
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

// gather takes what everybody has seen of the matrix. What is on a cable and what
// is in the records is compared by number, so both end with the same silence.
func (n *network) gather(t *testing.T) *evidence {
	t.Helper()
	silence := n.settle(t)
	e := n.look(t)
	e.records = slices.DeleteFunc(e.records, func(r audit.Record) bool { return r.Time.After(silence) })
	e.packets = map[*lab.Capture][]lab.Captured{}
	for _, c := range append(slices.Collect(maps.Values(n.cables)), n.taps) {
		e.packets[c] = slices.DeleteFunc(c.Packets(), func(p lab.Captured) bool { return p.Time.After(silence) })
	}
	return e
}

// How long nothing has to come until no more is expected, and how long that is
// waited for. Nothing says so: a datagram that is refused is never answered.
const (
	silent   = 600 * time.Millisecond
	patience = 10 * time.Second
)

// settle waits until no more is to be expected, and returns a moment in the
// silence.
func (n *network) settle(t *testing.T) time.Time {
	t.Helper()
	begun := time.Now()
	last, since := -1, begun
	for time.Since(since) < silent {
		if time.Since(begun) > patience {
			t.Errorf("there are still records after %v", patience)
			break
		}
		time.Sleep(silent / 10)
		if now := len(n.look(t).records); now != last {
			last, since = now, time.Now()
		}
	}
	return since.Add(silent / 2)
}

// stop ends the captures.
func (n *network) stop(t *testing.T) {
	t.Helper()
	for _, c := range append(slices.Collect(maps.Values(n.cables)), n.taps) {
		c.Stop()
		if lost := c.Lost(); lost > 0 {
			t.Errorf("a capture missed %d packets", lost)
		}
	}
}

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
			e.lost += r.Count
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
