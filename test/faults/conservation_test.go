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
	var all books
	for round := range long.Rounds(1, 10, 0.3) {
		t.Run(fmt.Sprint(round+1), func(t *testing.T) { all.add(conserve(t, seed+uint64(round))) })
	}
	all.report(t)
}

// books are where the packets of a round have turned up.
type books struct {
	sent, delivered, recorded, suppressed, refused, cables uint64

	overflow                          uint64 // of what was recorded: dropped by the kernel from a full queue
	own                               uint64 // of what was recorded: said by the gateway itself
	forbidden, twice, strange, leaked uint64
	rate                              float64 // packets a second before the queue was made to overflow
	latency                           gate.Histogram
}

// unaccounted returns how many packets are nowhere, or, below zero, in two places.
func (b *books) unaccounted() int64 {
	return int64(b.sent + b.own - b.delivered - b.recorded - b.suppressed - b.refused - b.cables)
}

func (b *books) add(o books) {
	b.sent, b.delivered, b.recorded, b.suppressed = b.sent+o.sent, b.delivered+o.delivered, b.recorded+o.recorded, b.suppressed+o.suppressed
	b.refused, b.cables, b.overflow, b.own = b.refused+o.refused, b.cables+o.cables, b.overflow+o.overflow, b.own+o.own
	b.forbidden, b.twice, b.strange, b.leaked = b.forbidden+o.forbidden, b.twice+o.twice, b.strange+o.strange, b.leaked+o.leaked
	b.rate = max(b.rate, o.rate)
	b.latency.Merge(&o.latency)
}

// conserve sends a round's packets and closes the books.
func conserve(t *testing.T, seed uint64) (b books) {
	counted := unseen()
	broken := gate.Datagram("wrong checksum", "pop", address("pop", 40), address("tess", 0), nil)
	broken.Frames[0][14+10] ^= 0x55
	p := newPerimeter(t, files(), seed, slices.Concat(permitted(), forbidden(), counted["filtered/ipv6"], counted["filtered/ethertype"], []*gate.Kind{broken})...)
	before := p.Kernel(t)
	begun := time.Now()
	p.load.Send(900_000, 25_000)
	b.rate = float64(p.load.Total()) / time.Since(begun).Seconds()
	p.settle(t)
	b.latency = p.look().Latency
	// More than it can do, so that the queue runs full.
	p.load.Send(100_000, 400_000)
	p.settle(t)
	p.Service().Stop(t)
	p.records.Read(t)
	after := p.Kernel(t)
	v := p.judge(t)
	for i, k := range p.load.Kinds() {
		b.delivered += v.Delivered[i]
		recorded := p.records.Denied[k.Source]
		if k.Source.IsValid() && v.Delivered[i]+recorded > p.load.Sent(k) {
			t.Errorf("%s: of %d packets %d were delivered and %d recorded as dropped", k.Name, p.load.Sent(k), v.Delivered[i], recorded)
		}
	}
	b.sent, b.recorded, b.suppressed = p.load.Total(), p.records.Dropped(), p.records.Suppressed
	b.refused, b.cables = after.IP["IpInHdrErrors"]-before.IP["IpInHdrErrors"], after.Cables-before.Cables
	// What the gateway's own IPv6 says to a zone is dropped and counted like the rest.
	b.own = after.IP["Ip6OutRequests"] - before.IP["Ip6OutRequests"]
	b.overflow = p.records.Counted["queue_overflow/queue-full"] + p.records.Counted["queue_overflow/buffer-full"]
	b.forbidden, b.twice, b.strange, b.leaked = v.forbidden+v.Wrong.Count, v.Twice.Count, v.Strange.Count, v.Leaked.Count
	p.table(t, v)
	t.Logf("records by event %v, packets in them %v, reasons %v", p.records.Events, p.records.Counted, p.records.Reasons)
	return b
}

func (b *books) report(t *testing.T) {
	t.Helper()
	left := b.unaccounted()
	packets := func(id string, n uint64) figures.Figure {
		return figures.Figure{ID: "faults/conservation/" + id, Value: float64(n), Unit: "packets"}
	}
	unaccounted := packets("unaccounted", uint64(max(left, -left))).AtMost(0)
	unaccounted.Against = "sent less delivered, recorded, suppressed and refused by the kernel"
	long.Report(t,
		packets("sent", b.sent).AtLeast(1_000_000),
		figures.Figure{ID: "faults/conservation/rate", Value: float64(int(b.rate)), Unit: "packets/s"},
		figures.Figure{ID: "faults/conservation/latency-p99", Value: float64(b.latency.Quantile(0.99).Microseconds()), Unit: "us"},
		packets("delivered", b.delivered),
		packets("recorded", b.recorded),
		packets("suppressed", b.suppressed),
		packets("overflow", b.overflow).AtLeast(1),
		packets("refused-by-the-kernel", b.refused),
		unaccounted,
		packets("forbidden", b.forbidden).AtMost(0),
		packets("twice", b.twice).AtMost(0),
		packets("strange", b.strange).AtMost(0),
		packets("labels-on-unlabeled-cables", b.leaked).AtMost(0),
	)
}
