package daemon

import (
	"testing"

	"labelgate/internal/judge"
	"labelgate/internal/queue"
	"labelgate/internal/split"
)

// TestSplit: what a judge in another process says of a packet is what one in this
// process says.
func TestSplit(t *testing.T) {
	if raced {
		t.Skip("the race detector does not see that both sides take turns")
	}
	d, _, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	service := d.bench.(*local).Service
	front := split.NewFront(split.Config{Lost: func(n int, why error) { t.Errorf("%d packets lost: %v", n, why) }, Tests: selfTests})
	defer front.Close()
	link, err := split.NewLink()
	if err != nil {
		t.Fatal(err)
	}
	f := link.Files()
	back, err := split.Open(f[0], f[1], f[2])
	if err != nil {
		t.Fatal(err)
	}
	service.Buffers = back.Buffers
	remote := service.Handler()
	service.Buffers = nil
	here := service.Handler()
	go back.Serve(t.Context(), remote)
	if err := front.Attach(link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []queue.Packet{
		{Hook: queue.Prerouting, Protocol: 0x0800, In: redIf, Payload: packet(t, red1, grayPop, foo3)},
		{Hook: queue.Prerouting, Protocol: 0x0800, In: redIf, Payload: packet(t, red1, grayNone, foo3)},
		{Hook: queue.Forward, Protocol: 0x0800, In: grayIf, Out: redIf, Payload: packet(t, grayPop, red1, "")},
		{Hook: queue.Output, Protocol: 0x0800, Out: redIf, Payload: packet(t, gate, red1, "")},
	} {
		one, other := make([]queue.Verdict, 1), make([]queue.Verdict, 1)
		here.Handle([]queue.Packet{p}, one)
		front.Handle([]queue.Packet{p}, other)
		if a, b := one[0], other[0]; a.Accept != b.Accept || a.SetMark != b.SetMark || a.Mark != b.Mark || string(a.Payload) != string(b.Payload) {
			t.Errorf("%+v here, %+v there", a, b)
		}
	}
	front.Idle()
}

var _ = judge.BufferLen
