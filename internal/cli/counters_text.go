package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"labelgate/internal/control"
)

// count is a number with what it counts.
type count struct {
	name string
	n    uint64
}

// counts sorts what is not 0, the most first.
func counts(m map[string]uint64) []count {
	var all []count
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if m[name] > 0 {
			all = append(all, count{name, m[name]})
		}
	}
	slices.SortStableFunc(all, func(a, b count) int { return cmp.Compare(b.n, a.n) })
	return all
}

func sum(m map[string]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}

// most names the first few of some counts.
func most(all []count, limit int) string {
	var words []string
	for i, c := range all {
		if i == limit {
			words = append(words, fmt.Sprintf("%d more", len(all)-limit))
			break
		}
		words = append(words, fmt.Sprintf("%s %s", c.name, thousands(c.n)))
	}
	return strings.Join(words, ", ")
}

// writeCounters writes a table of the packets of each zone, and of those that were
// dropped without being judged.
func writeCounters(w io.Writer, c *control.Counters) {
	t := newTable(w, "FROM", ">PASSED", ">DROPPED", "BECAUSE")
	row := func(name string, passed uint64, dropped []count) {
		var n uint64
		for _, d := range dropped {
			n += d.n
		}
		t.row(name, thousands(passed), thousands(n), most(dropped, 2))
	}
	for i := range c.Packets {
		z := &c.Packets[i]
		row(z.Zone, sum(z.Passed), counts(z.Dropped))
	}
	if k := kernelCounts(c); len(k) > 0 {
		row("not judged", 0, k)
	}
	if c.Unrecorded > 0 {
		row("not recorded", 0, []count{{"audit trail full", c.Unrecorded}})
	}
	t.flush()
}

// kernelCounts are the packets that were dropped before anybody judged them.
func kernelCounts(c *control.Counters) []count {
	return counts(map[string]uint64{
		"queue-full": c.Kernel.QueueFull, "buffer-full": c.Kernel.BufferFull,
		"unjudged": c.Kernel.Unjudged, "ipv6": c.Kernel.IPv6, "ethertype": c.Kernel.Ethertype, "judge-ended": c.Unanswered,
	})
}

// writeAllCounters writes every count that is not 0.
func writeAllCounters(w io.Writer, c *control.Counters) error {
	t := newTable(w, "OF", "WHAT", ">COUNT")
	for i := range c.Packets {
		z := &c.Packets[i]
		for _, n := range counts(z.Passed) {
			t.row(z.Zone, n.name, thousands(n.n))
		}
		for _, n := range counts(z.Dropped) {
			t.row(z.Zone, "drop "+n.name, thousands(n.n))
		}
	}
	q, i := &c.Queue, &c.ICMP
	for _, group := range []struct {
		name   string
		counts []count
	}{
		{"not judged", kernelCounts(c)},
		{"records", counts(map[string]uint64{"dropped for want of one": c.Unrecorded})},
		{"queue", counts(map[string]uint64{
			"received": q.Received, "accepted": q.Accepted, "dropped": q.Dropped, "rewritten": q.Rewritten, "truncated": q.Truncated, "refused": q.Refused,
			"panicked": q.Panicked, "malformed": q.Malformed, "overruns": q.Overruns, "receive errors": q.ReceiveErrors, "verdict errors": q.VerdictErrors,
		})},
		{"ICMP errors", counts(map[string]uint64{"sent": i.Sent, "limited": i.Limited, "full": i.Full, "unfit": i.Unfit, "failed": i.Failed})},
		{"control", counts(map[string]uint64{"requests": c.Control.Requests, "refused": c.Control.Refused, "admin verbs": c.Control.Admin})},
	} {
		for _, n := range group.counts {
			t.row(group.name, n.name, thousands(n.n))
		}
	}
	return t.flush()
}
