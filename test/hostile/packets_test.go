package hostile

import (
	"fmt"
	"net/netip"
	"runtime"
	"runtime/debug"
	"testing"

	"labelgate/netlabel"
	"labelgate/test/corpus"
	"labelgate/test/long"
)

// batch is how many packets are judged between two looks at the allocator.
const batch = 10_000

// run counts what became of packets.
type run struct {
	*judge
	policies [2]*netlabel.Snapshot
	packets  *corpus.Packets
	zones    uint64 // from which the zones are drawn

	calls, through int
	reasons        [256]int
	actions        [256]int

	mallocs, bytes uint64
	samples        sampler
}

// TestPackets: whatever arrives, in whichever direction, Process keeps what it
// promises and allocates nothing.
func TestPackets(t *testing.T) {
	seed := long.Seed(t, 6)
	packets, err := corpus.NewPackets("../..", seed, 3, hosts)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{judge: newJudge(), policies: policies(t), packets: packets, zones: seed}
	n := long.Count(500_000, 10_000_000)
	for left := n; left > 0; left -= batch {
		r.batch(t, min(left, batch))
		r.samples.decode(t)
	}
	t.Logf("%d packets, %d decisions, %d let through, %d of them read by gopacket; %d allocations of %d bytes",
		n, r.calls, r.through, r.samples.read, r.mallocs, r.bytes)
	for action, n := range r.actions {
		if n > 0 {
			t.Logf("%10d %s", n, netlabel.Action(action))
			long.Report(t, figure(fmt.Sprintf("packets/action/%s", netlabel.Action(action)), n, "decisions"))
		}
	}
	long.Report(t,
		figure("packets/seed", int(seed), "seed"),
		figure("packets/drawn", n, "packets").AtLeast(500_000),
		figure("packets/decisions", r.calls, "decisions").AtLeast(float64(6*n)),
		figure("packets/through", r.through, "decisions").AtLeast(float64(r.calls/50)),
		figure("packets/gopacket", r.samples.read, "packets").AtLeast(float64(n/1000)),
		figure("packets/allocations", int(r.mallocs), "objects").AtMost(200),
		figure("packets/allocated", int(r.bytes), "B").AtMost(64<<10),
	)
	r.coverage(t)
}

// elsewhere are the reasons that others than Process give, or that this policy
// has no case of.
var elsewhere = map[netlabel.Reason]string{
	netlabel.ReasonNotIPv4:            "said before Process is asked",
	netlabel.ReasonTruncated:          "said before Process is asked",
	netlabel.ReasonNoSelfLabel:        "the policy gives this machine a label",
	netlabel.ReasonEgressZone:         "said when an option is put on later",
	netlabel.ReasonDestinationChanged: "said when an option is put on later",
	netlabel.ReasonStaleGeneration:    "said when an option is put on later",
	netlabel.ReasonUnmarkable:         "said when a packet is marked",
}

// coverage fails when packets do not come as far as they should.
func (r *run) coverage(t *testing.T) {
	for _, reason := range netlabel.Reasons() {
		n := r.reasons[reason]
		if n > 0 {
			t.Logf("%10d %s", n, reason)
			long.Report(t, figure("packets/reason/"+reason.String(), n, "decisions"))
		}
		if why, ok := elsewhere[reason]; ok != (n == 0) {
			t.Errorf("%d packets are dropped for %s; not expected here: %v %s", n, reason, ok, why)
		}
	}
}

// batch judges n packets in all modes and directions.
func (r *run) batch(t *testing.T, n int) {
	var p []byte
	var mode netlabel.Mode
	var direction netlabel.Direction
	defer func() {
		if e := recover(); e != nil {
			t.Fatalf("panic: %v; %s, %s, packet %x\n%s", e, mode, direction, p[:min(len(p), 200)], debug.Stack())
		}
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		p = r.packets.Next()
		for _, mode = range modes {
			for _, direction = range directions {
				s := r.policies[mode]
				z := r.zone(s, p)
				v, leaves, broken := r.process(s, direction, z, p)
				if broken != "" {
					t.Fatalf("%s, %s, from zone %d: %s; %s %s, packet %x, leaves %x", mode, direction, z, broken, v.Action, v.Reason, p[:min(len(p), 200)], leaves[:min(len(leaves), 200)])
				}
				r.calls++
				r.reasons[v.Reason]++
				r.actions[v.Action]++
				if v.Action != netlabel.Drop {
					r.through++
					r.samples.take(leaves)
				}
				if v.Reason != netlabel.ReasonMalformedHeader {
					r.reset(len(p)) // else nothing was written
				}
			}
		}
	}
	runtime.ReadMemStats(&after)
	r.mallocs += after.Mallocs - before.Mallocs
	r.bytes += after.TotalAlloc - before.TotalAlloc
}

// zone is where p comes from: where its source lives, as a rule.
func (r *run) zone(s *netlabel.Snapshot, p []byte) netlabel.Zone {
	r.zones = r.zones*6364136223846793005 + 1442695040888963407
	if len(p) < 20 || r.zones>>60 == 0 {
		return netlabel.Zone(r.zones >> 32 % 9)
	}
	return s.ZoneOf(netip.AddrFrom4([4]byte(p[12:16])))
}
