package nft_test

import (
	"testing"

	"labelgate/internal/mark"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

// judged accepts everything for one zone; at prerouting it leaves the decision
// to a later hook.
func judged(zone uint8) handlerFunc {
	return func(p *queue.Packet, v *queue.Verdict) {
		v.Accept = true
		if p.Hook != queue.Prerouting {
			v.SetMark, v.Mark = true, uint32(mark.ForZone(1, zone))
		}
	}
}

func TestNothingPassesWithoutListener(t *testing.T) {
	l := newLab(t)
	s, d := l.udp(l.src, srcIP, 0), l.udp(l.dst, dstIP, testPort)
	if !passes(t, s, d, dstIP, "before the rules") {
		t.Fatal("the lab does not forward")
	}
	l.install()
	if passes(t, s, d, dstIP, "nobody listens") {
		t.Error("a packet passed without a listener")
	}
	_, stop := l.listen(judged(2))
	if !passes(t, s, d, dstIP, "somebody listens") {
		t.Error("an accepted packet did not pass")
	}
	stop()
	if passes(t, s, d, dstIP, "the listener ended") {
		t.Error("a packet passed after the listener ended")
	}
	if err := nft.Check(l.plan); err != nil {
		t.Error(err)
	}
	if err := nft.Remove(testTable, int(l.gw)); err != nil {
		t.Fatal(err)
	}
	if !passes(t, s, d, dstIP, "after the rules") {
		t.Error("nothing passes after Remove")
	}
	if err := nft.Remove(testTable, int(l.gw)); err != nil {
		t.Errorf("second Remove: %v", err)
	}
}

func TestForwardedPacketNeedsMark(t *testing.T) {
	tests := []struct {
		name   string
		handle handlerFunc
		pass   bool
	}{
		{"judged for its zone", judged(2), true},
		{"judged for another zone", judged(1), false},
		{"judged for no zone", judged(0), false},
		{"accepted without a mark", func(_ *queue.Packet, v *queue.Verdict) { v.Accept = true }, false},
		{"accepted as pending", func(_ *queue.Packet, v *queue.Verdict) {
			v.Accept, v.SetMark, v.Mark = true, true, uint32(mark.ForZone(1, 2)|mark.Pending)
		}, false},
		{"dropped", func(*queue.Packet, *queue.Verdict) {}, false},
	}
	l := newLab(t)
	l.install()
	s, d := l.udp(l.src, srcIP, 0), l.udp(l.dst, dstIP, testPort)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, stop := l.listen(tt.handle)
			defer stop()
			if got := passes(t, s, d, dstIP, tt.name); got != tt.pass {
				t.Errorf("passed = %v, want %v", got, tt.pass)
			}
		})
	}
}
