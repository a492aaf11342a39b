package faults

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"labelgate/test/figures"
	"labelgate/test/gate"
	"labelgate/test/long"
)

// TestConservation: every packet of a million is delivered, in a record, or in a
// number that some record or the kernel holds. None is two of these.
func TestConservation(t *testing.T) {
	seed := long.Seed(t, 1)
	var all conserved
	for round := range long.Rounds(1, 10, 0.25) {
		t.Run(fmt.Sprint(round+1), func(t *testing.T) { all.add(conserve(t, seed+uint64(round))) })
	}
	all.report(t)
}

// conserved is what became of the packets of some rounds.
type conserved struct {
	books
	overflow                          uint64  // of what was recorded: dropped by the kernel from a full queue
	forbidden, twice, strange, leaked uint64  // of what was delivered
	rate                              float64 // packets a second before the queue was made to overflow
	latency                           gate.Histogram
}

func (c *conserved) add(o conserved) {
	c.books = c.books.plus(o.books)
	c.overflow, c.forbidden, c.twice = c.overflow+o.overflow, c.forbidden+o.forbidden, c.twice+o.twice
	c.strange, c.leaked, c.rate = c.strange+o.strange, c.leaked+o.leaked, max(c.rate, o.rate)
	c.latency.Merge(&o.latency)
}

// conserve sends a round's packets and closes the books.
func conserve(t *testing.T, seed uint64) (c conserved) {
	counted := unseen()
	broken := gate.Datagram("wrong checksum", "pop", address("pop", 40), address("tess", 0), nil)
	broken.Frames[0][14+10] ^= 0x55
	p := newPerimeter(t, files(), seed, slices.Concat(permitted(), forbidden(), counted["filtered/ipv6"], counted["filtered/ethertype"], []*gate.Kind{broken})...)
	before := p.books(t)
	begun := time.Now()
	p.load.Send(900_000, 25_000)
	c.rate = float64(p.load.Total()) / time.Since(begun).Seconds()
	p.settle(t)
	c.latency = p.look().Latency
	// More than it can do, so that the queue runs full.
	p.load.Send(100_000, 400_000)
	p.settle(t)
	p.Service().Stop(t)
	c.books = p.books(t).since(before)
	v := p.judge(t)
	for i, k := range p.load.Kinds() {
		if recorded := p.records.Denied[k.Source]; k.Source.IsValid() && v.Delivered[i]+recorded > p.load.Sent(k) {
			t.Errorf("%s: of %d packets %d were delivered and %d recorded as dropped", k.Name, p.load.Sent(k), v.Delivered[i], recorded)
		}
	}
	c.overflow = p.records.Counted["queue_overflow/queue-full"] + p.records.Counted["queue_overflow/buffer-full"]
	c.forbidden, c.twice, c.strange, c.leaked = v.forbidden+v.Wrong.Count, v.Twice.Count, v.Strange.Count, v.Leaked.Count
	p.table(t, v)
	return c
}

func (c *conserved) report(t *testing.T) {
	t.Helper()
	left := c.unaccounted()
	packets := func(id string, n uint64) figures.Figure {
		return figures.Figure{ID: "faults/conservation/" + id, Value: float64(n), Unit: "packets"}
	}
	unaccounted := packets("unaccounted", uint64(max(left, -left))).AtMost(0)
	unaccounted.Against = "sent less delivered, recorded, suppressed and refused by the kernel"
	long.Report(t,
		packets("sent", c.sent).AtLeast(1_000_000),
		figures.Figure{ID: "faults/conservation/rate", Value: float64(int(c.rate)), Unit: "packets/s"},
		figures.Figure{ID: "faults/conservation/latency-p99", Value: float64(c.latency.Quantile(0.99).Microseconds()), Unit: "us"},
		packets("delivered", c.delivered),
		packets("recorded", c.recorded),
		packets("suppressed", c.suppressed),
		packets("overflow", c.overflow).AtLeast(1),
		packets("refused-by-the-kernel", c.refused),
		unaccounted,
		packets("forbidden", c.forbidden).AtMost(0),
		packets("twice", c.twice).AtMost(0),
		packets("strange", c.strange).AtMost(0),
		packets("labels-on-unlabeled-cables", c.leaked).AtMost(0),
	)
}
