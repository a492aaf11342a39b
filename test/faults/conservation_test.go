package faults

import (
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
	counted := unseen()
	broken := gate.Datagram("wrong checksum", "pop", address("pop", 40), address("tess", 0), nil)
	broken.Frames[0][14+10] ^= 0x55
	kinds := slices.Concat(permitted(), forbidden(), counted["filtered/ipv6"], counted["filtered/ethertype"], []*gate.Kind{broken})
	p := newPerimeter(t, files(), long.Seed(t, 1), kinds...)
	before := p.Kernel(t)
	begun := time.Now()
	p.load.Send(long.Count(1_000_000, 10_000_000), 25_000)
	took := time.Since(begun)
	p.settle(t)
	p.Service().Stop(t)
	p.records.Read(t)
	after := p.Kernel(t)
	v := p.judge(t)
	p.table(t, v)

	var delivered, own uint64
	for i, k := range p.load.Kinds() {
		delivered += v.Delivered[i]
		recorded := p.records.Denied[k.Source]
		if k.Source.IsValid() && v.Delivered[i]+recorded > p.load.Sent(k) {
			t.Errorf("%s: of %d packets %d were delivered and %d recorded as dropped", k.Name, p.load.Sent(k), v.Delivered[i], recorded)
		}
		if k.Forbidden() {
			own += v.Delivered[i]
		}
	}
	rose := func(name string) uint64 { return after.IP[name] - before.IP[name] }
	sent := p.load.Total()
	account := []struct {
		what string
		n    uint64
	}{
		{"delivered", delivered},
		{"recorded one by one or in numbers", p.records.Dropped()},
		{"records that were suppressed", p.records.Suppressed},
		{"refused by the kernel for their header", rose("IpInHdrErrors")},
		{"lost on a cable", after.Cables - before.Cables},
	}
	left := int64(sent)
	for _, a := range account {
		t.Logf("%9d %s", a.n, a.what)
		left -= int64(a.n)
	}
	// What the gateway's own IPv6 says to a zone is dropped and counted like the rest.
	said := rose("Ip6OutRequests")
	left += int64(said)
	t.Logf("%9d said by the gateway itself", said)
	t.Logf("%9d unaccounted of %d; records by event %v, packets %v, reasons %v", left, sent, p.records.Events, p.records.Counted, p.records.Reasons)
	t.Logf("counters: %v", difference(before.IP, after.IP))
	rate := float64(sent) / took.Seconds()
	long.Report(t,
		figures.Figure{ID: "faults/conservation/sent", Value: float64(sent), Unit: "packets"}.AtLeast(1_000_000),
		figures.Figure{ID: "faults/conservation/rate", Value: float64(int(rate)), Unit: "packets/s"},
		figures.Figure{ID: "faults/conservation/delivered", Value: float64(delivered), Unit: "packets"},
		figures.Figure{ID: "faults/conservation/unaccounted", Value: float64(max(left, -left)), Unit: "packets", Against: "sent less delivered, recorded, suppressed and counted by the kernel"}.AtMost(0),
		figures.Figure{ID: "faults/conservation/forbidden", Value: float64(own + v.Wrong.Count), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "faults/conservation/twice", Value: float64(v.Twice.Count), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "faults/conservation/strange", Value: float64(v.Strange.Count), Unit: "packets", Against: "IP packets that nobody sent"}.AtMost(0),
		figures.Figure{ID: "faults/conservation/labels-on-unlabeled-cables", Value: float64(v.Leaked.Count), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "faults/conservation/overflow", Value: float64(p.records.Counted["queue_overflow/queue-full"] + p.records.Counted["queue_overflow/buffer-full"]), Unit: "packets"},
	)
}

// difference returns what of the kernel's counters has changed.
func difference(before, after map[string]uint64) map[string]uint64 {
	d := make(map[string]uint64)
	for name, n := range after {
		if n != before[name] {
			d[name] = n - before[name]
		}
	}
	return d
}
