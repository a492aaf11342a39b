package faults

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/nftables"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
	"labelgate/internal/nft"
	"labelgate/test/figures"
	"labelgate/test/gate"
	"labelgate/test/long"
)

// TestFlushed takes the rules away from under a gateway. Nobody can keep another
// program with the same capability from that, and until the rules are back the
// kernel forwards what it likes: what comes out meanwhile is counted here. The bars
// are that it is on record each time, and over soon.
func TestFlushed(t *testing.T) {
	seed := long.Seed(t, 6)
	p := allKinds(t, seed)
	random := rand.New(rand.NewPCG(seed, 6))
	ns, err := p.Namespace(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	p.records.Each = func(r *audit.Record) {
		if r.Event == audit.EventRulesChanged {
			changed++
		}
	}
	p.load.Start(faultRate)
	var open gate.Histogram
	flushes := 0
	for range long.Rounds(5, 200, 0.05) {
		time.Sleep(time.Duration(200+random.IntN(1000)) * time.Millisecond)
		p.records.Read(t)
		before := changed
		if err := nft.Remove(nft.DefaultTable, int(ns)); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if !gate.Eventually(func() bool { return hasRules(t, int(ns)) }) {
			t.Fatal("the rules do not come back")
		}
		open.Add(int64(time.Since(begun)))
		flushes++
		if !gate.Eventually(func() bool { p.records.Read(t); return changed > before }) {
			t.Error("nobody recorded that the rules were changed")
		}
	}
	p.load.Stop()
	p.settle(t)
	v := p.look()
	after := v.forbidden + v.Wrong.Count
	p.load.Send(20_000, faultRate)
	p.settle(t)
	v = p.look()
	long.Report(t,
		figures.Figure{ID: "faults/flushed/flushes", Value: float64(flushes), Unit: "flushes"}.AtLeast(5),
		figures.Figure{ID: "faults/flushed/recorded", Value: float64(changed), Unit: "records"}.AtLeast(float64(flushes)),
		figures.Figure{ID: "faults/flushed/open", Value: float64(open.Longest().Milliseconds()), Unit: "ms", Against: "longest time without rules"}.AtMost(2000),
		figures.Figure{ID: "faults/flushed/let-out", Value: float64(after), Unit: "packets", Against: "forbidden, or with other options, while there were no rules"},
		figures.Figure{ID: "faults/flushed/forbidden-afterwards", Value: float64(v.forbidden + v.Wrong.Count - after), Unit: "packets"}.AtMost(0),
	)
}

// hasRules reports whether all tables of the gateway are there.
func hasRules(t *testing.T, netns int) bool {
	t.Helper()
	c, err := nftables.New(nftables.WithNetNSFd(netns))
	if err != nil {
		t.Fatal(err)
	}
	tables, err := c.ListTables()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, table := range tables {
		if table.Name == nft.DefaultTable {
			n++
		}
	}
	return n >= 3
}
