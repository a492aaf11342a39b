package daemon

import (
	"encoding/json"
	"reflect"
	"testing"

	"labelgate/internal/control"
	"labelgate/internal/judge"
	"labelgate/internal/queue"
)

// TestCountsAreHandedOn: what was counted goes on in the next program, and in the one
// after that.
func TestCountsAreHandedOn(t *testing.T) {
	const denied = 2
	d, _, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	d.overflow, d.packets = new(overflow), new(queue.Queue)
	d.guard.totals = map[string]uint64{"ipv6": 4}
	d.judges.lost.Store(3)
	d.overflow.fullTotal.Store(6)
	d.auditing.state.Written = 50
	h := d.bench.(*local).Handler()
	p := queue.Packet{Hook: queue.Prerouting, Protocol: 0x0800, In: redIf, Payload: packet(t, red1, grayPop, foo3)}
	h.Handle([]queue.Packet{p}, make([]queue.Verdict, 1))
	p.Payload = packet(t, red1, grayNone, foo3)
	for range denied {
		h.Handle([]queue.Packet{p}, make([]queue.Verdict, 1))
	}
	want := counted{
		Packets:  []control.ZonePackets{{Zone: "red", Passed: map[string]uint64{"strip": 1}, Dropped: map[string]uint64{"no-rule": denied}}},
		Filtered: map[string]uint64{"ipv6": 4}, Lost: [2]uint64{6, 0}, Unanswered: 3, Written: 50,
	}
	for program := range 3 {
		d.handCounts()
		if got := d.handover.Counted; !reflect.DeepEqual(got, want) {
			t.Fatalf("program %d hands on\n%+v, want\n%+v", program, got, want)
		}
		text, err := json.Marshal(d.handover)
		if err != nil {
			t.Fatal(err)
		}
		next := &daemon{Options: d.Options, inForce: d.inForce, overflow: new(overflow), packets: new(queue.Queue), bench: &local{Service: judge.New(judge.Config{})}}
		if err := json.Unmarshal(text, &next.handover); err != nil {
			t.Fatal(err)
		}
		next.tally.before = judge.NewCounters()
		next.resume()
		next.overflow.fullTotal.Store(next.handover.Counted.Lost[0])
		next.auditing.state.Written = 7 // by the next auditor
		want.Written += 7
		d = next
	}
}

// TestCountsAreKept: a program that goes on, because no other could be run, has not
// counted anything twice.
func TestCountsAreKept(t *testing.T) {
	d, _, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	d.overflow, d.packets = new(overflow), new(queue.Queue)
	d.auditing.state.Written = 50
	d.handover.Counted = counted{Written: 8, Queue: control.QueueCounts{Received: 9}}
	d.handCounts()
	d.keepCounts()
	if c, a := d.counters(), d.auditState(); c.Queue.Received != 9 || a.Written != 58 {
		t.Errorf("%d packets, %d records", c.Queue.Received, a.Written)
	}
}
