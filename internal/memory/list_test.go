package memory

import (
	"testing"

	"labelgate/engine"
	"labelgate/internal/flow"
	"labelgate/internal/fragment"
	"labelgate/netlabel"
)

// TestFlows: what is listed of flows are those that passed.
func TestFlows(t *testing.T) {
	b := newBench(t, netlabel.Strict)
	b.passes(red, header{src: labeled, dst: unlabeled, options: foo, proto: protoUDP, body: udp(4000, 53)})
	b.at.Seconds += 5
	b.passes(gray, header{src: unlabeled, dst: labeled, proto: protoUDP, body: udp(53, 4000)})
	b.process(red, header{src: labeled, dst: unlabeled, options: bar, proto: protoUDP, body: udp(4001, 53)}) // no rule
	l := make([]flow.Listed, 8)
	n, next := b.Flows(b.at, 0, b.FlowPlaces(), l)
	if n != 2 || next != b.FlowPlaces() {
		t.Fatalf("%d flows, next %d of %d", n, next, b.FlowPlaces())
	}
	for _, f := range l[:n] {
		want := flow.Flow{Labeled: true, Grew: -16, In: uint8(red), Out: uint8(gray)}
		idle := uint32(5)
		if f.SrcPort == 53 {
			want, idle = flow.Flow{Grew: 16, In: uint8(gray), Out: uint8(red)}, 0
		}
		name := b.at.Snapshot.LabelName(engine.Label(f.Label))
		f.Label = 0
		if f.Flow != want || f.Idle != idle || name != "Foo" {
			t.Errorf("%+v of %s, want %+v idle for %d s", f, name, want, idle)
		}
	}
	b.at.Generation++
	if n, _ := b.Flows(b.at, 0, b.FlowPlaces(), l); n != 0 {
		t.Errorf("%d flows of a policy that is gone", n)
	}
}

// TestDatagrams: the label of a datagram is told as long as its number means it.
func TestDatagrams(t *testing.T) {
	b := newBench(t, netlabel.Strict)
	b.passes(red, header{src: labeled, dst: unlabeled, options: foo, proto: protoUDP, id: 7, more: true, body: make([]byte, 64)})
	b.passes(gray, header{src: unlabeled, dst: labeled, proto: protoUDP, id: 8, more: true, body: make([]byte, 64)})
	same, other := b.at.Snapshot, snapshot(t, netlabel.Strict, "A", "B", "C")
	for _, tt := range []struct {
		name     string
		snapshot *netlabel.Snapshot
		label    string
	}{{"at once", same, "Foo"}, {"with the labels numbered anew", other, ""}, {"and back", same, "Foo"}} {
		t.Run(tt.name, func(t *testing.T) {
			b.at.Snapshot = tt.snapshot
			l := make([]fragment.Listed, 8)
			n, _ := b.Datagrams(b.at, 0, b.DatagramPlaces(), l)
			if n != 2 {
				t.Fatalf("%d datagrams", n)
			}
			for _, d := range l[:n] {
				want := tt.label
				if d.ID == 8 {
					want = "" // it carries none
				}
				if name := tt.snapshot.LabelName(engine.Label(d.Told)); name != want || d.Labeled != (d.ID == 7) || d.Seen != 64 {
					t.Errorf("%+v of %q, want %q", d, name, want)
				}
			}
			if n := testing.AllocsPerRun(10, func() { b.Datagrams(b.at, 0, b.DatagramPlaces(), l); b.Flows(b.at, 0, b.FlowPlaces(), nil) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
