package judge

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"labelgate/internal/icmp"
	"labelgate/internal/links"
	"labelgate/internal/mark"
	"labelgate/internal/queue"
	"labelgate/netlabel"
)

// large makes a packet as long as that, and forbids fragments.
func large(p []byte, n int) []byte {
	return with(append(p, make([]byte, n-len(p))...), func(p []byte) {
		binary.BigEndian.PutUint16(p[2:], uint16(n))
		p[6] = 0x40
	})
}

// TestWhoIsTold: who is told what of a dropped packet, and under which label.
func TestWhoIsTold(t *testing.T) {
	const broken = "860e00000003010800fa2337b7" // a byte short
	prerouting := func(p []byte) queue.Packet { return queue.Packet{Hook: queue.Prerouting, In: redIf, Payload: p} }
	tests := []struct {
		name   string
		packet queue.Packet
		reason netlabel.Reason
		head   string // of the message without its checksum: type, code and second word; none for none
		label  string
	}{
		{"a label is missing", queue.Packet{Hook: queue.Forward, In: redIf, Out: grayIf, Payload: packet(t, red1, grayPop, "")}, netlabel.ReasonLabelMissing, "0c01 86000000", "Gate"},
		{"the policy denies", prerouting(packet(t, red1, grayNone, foo3)), netlabel.ReasonNoRule, "0309 00000000", "Foo"},
		{"this machine's policy denies", queue.Packet{Hook: queue.Input, In: redIf, Mark: uint32(mark.Local), Payload: packet(t, red1, gate, "860d00000003010700fa2837b800")}, netlabel.ReasonNoRule, "030a 00000000", "Pop"},
		{"a domain that is not spoken", prerouting(packet(t, red1, grayPop, foo16)), netlabel.ReasonUnknownDOI, "0c00 16000000", "Gate"},
		{"an option that is cut off", prerouting(packet(t, red1, grayPop, broken)), netlabel.ReasonMalformedOption, "0c00 1b000000", "Gate"},
		{"the same to everybody", prerouting(packet(t, red1, "255.255.255.255", broken)), netlabel.ReasonGroupDestination, "", ""},
		{"from another zone's address", prerouting(packet(t, grayPop, red1, broken)), netlabel.ReasonSourceNotInZone, "", ""},
		{"a zone that refuses labels is told nothing", queue.Packet{Hook: queue.Forward, In: grayIf, Out: grayIf, Payload: packet(t, grayPop, grayNone, "")}, netlabel.ReasonNoRule, "", ""},
		{"nor of labels", queue.Packet{Hook: queue.Prerouting, In: grayIf, Payload: packet(t, grayPop, red1, foo3)}, netlabel.ReasonLabelFromUnlabeledZone, "", ""},
		{"but of sizes", queue.Packet{Hook: queue.Forward, In: grayIf, Out: redIf, Payload: large(packet(t, grayPop, red1, ""), 1490)}, netlabel.ReasonTooBig, "0304 000005cc", "Pop"},
		{"an error about nothing", prerouting(unreachable(t, red1, grayPop, foo3, packet(t, grayPop, red1, ""))), netlabel.ReasonUnsolicitedError, "", ""},
		{"an error that the policy denies", prerouting(unreachable(t, red1, grayNone, foo3, packet(t, grayNone, red1, ""))), netlabel.ReasonNoRule, "", ""},
		{"a later fragment", prerouting(with(packet(t, red1, grayNone, foo3), func(p []byte) { p[7] = 100 })), netlabel.ReasonNoRule, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := newDaemon(t, write(t, settings, rules, hosts))
			var m fakeErrors
			a := newAsker(t, d, &m)
			if v := a.ask(tt.packet); v.Reason != tt.reason {
				t.Fatalf("%s %q, want %q", v.Action, v.Reason, tt.reason)
			}
			if tt.head == "" {
				if len(m.sent) != 0 {
					t.Errorf("sent %+v", m.sent)
				}
				return
			}
			if len(m.sent) != 1 {
				t.Fatalf("sent %d errors", len(m.sent))
			}
			n := m.sent[0]
			if head := hex.EncodeToString(n.Message[:2]) + " " + hex.EncodeToString(n.Message[4:8]); head != tt.head {
				t.Errorf("error %s, want %s", head, tt.head)
			}
			s := d.live.load()
			if label, _ := s.snapshot.Policy().Lookup(tt.label); n.Label != uint32(label) || n.Generation != s.stamp {
				t.Errorf("label %d of %d, want %s", n.Label, n.Generation, tt.label)
			}
			if src := netip.AddrFrom4([4]byte(tt.packet.Payload[12:])); n.To != src {
				t.Errorf("to %s, want %s", n.To, src)
			}
		})
	}
}

// TestOwnErrorGoesOut: an error of ours has the label that it was written for, also
// where what it quotes would say otherwise, and only with the policy that gave it.
func TestOwnErrorGoesOut(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	var m fakeErrors
	a := newAsker(t, d, &m)
	about := packet(t, red1, grayNone, foo3)
	a.ask(queue.Packet{Hook: queue.Prerouting, In: redIf, Payload: about})
	own := packet(t, gate, red1, "")[:20]
	own = with(append(own, m.sent[0].Message...), func(p []byte) {
		p[9] = 1
		binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	})
	for _, label := range []string{"Foo", "Gate"} {
		v := a.ask(queue.Packet{Hook: queue.Output, Out: redIf, Payload: own})
		if got := d.live.load().snapshot.LabelName(v.Subject); v.Action != netlabel.Add || got != label {
			t.Errorf("%s %s as %q, want %q", v.Action, v.Reason, got, label)
		}
		d.reload(t)
	}
}

// TestTooBigIsTold: what its sender must send instead is less by what was added, and
// never less than any link carries (RFC 791 section 3.2).
func TestTooBigIsTold(t *testing.T) {
	const grows = 16
	tests := []struct {
		name   string
		size   int
		egress links.Egress
		mtu    int // 0: it passes
	}{
		{"it fits", 1500 - grows, links.Egress{}, 0},
		{"it does not", 1500 - grows + 4, links.Egress{}, 1500 - grows},
		{"the route takes less", 1300, links.Egress{Out: redIf, MTU: 1300}, 1300 - grows},
		{"the route takes more than the zone's links", 1500, links.Egress{Out: redIf, MTU: 9000}, 0},
		{"another way may take less", 1300, links.Egress{Out: grayIf, MTU: 1300}, 1300 - grows},
		{"the route takes next to nothing", 64, links.Egress{Out: redIf, MTU: 70}, 68},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := newDaemon(t, write(t, settings, rules, hosts))
			f := d.links
			f.egress = tt.egress
			if tt.egress.MTU != 0 {
				all := f.table.Links()
				for i := range all {
					if all[i].Name == "red0" {
						all[i].MTU = min(tt.egress.MTU, 1500) // as the zone's own is thought to be
					}
				}
				f.set(all...)
				now := d.live.load()
				d.live.store(newState(now.gateway, d.links, d.counters, now.stamp))
			}
			var m fakeErrors
			a := newAsker(t, d, &m)
			v := a.ask(queue.Packet{Hook: queue.Forward, In: grayIf, Out: redIf, Payload: large(packet(t, grayPop, red1, ""), tt.size)})
			if (v.Reason == netlabel.ReasonTooBig) != (tt.mtu != 0) {
				t.Fatalf("%s %s", v.Action, v.Reason)
			}
			if tt.mtu == 0 {
				return
			}
			if len(m.sent) != 1 {
				t.Fatalf("sent %d errors", len(m.sent))
			}
			if got := int(binary.BigEndian.Uint16(m.sent[0].Message[6:])); got != tt.mtu || v.MTU != tt.mtu {
				t.Errorf("MTU %d, told %d, want %d", v.MTU, got, tt.mtu)
			}
		})
	}
}

// TestToldWithoutGarbage: a flood of packets that are dropped, and told of, is no
// more work for the collector than one that passes.
func TestToldWithoutGarbage(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	j := newJudge(&d.live, d.links, new(seen), unheard{})
	packets := []queue.Packet{
		{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: packet(t, red1, grayNone, foo3)},
		{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: packet(t, red1, grayPop, foo16)},
		{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: unreachable(t, red1, grayPop, foo3, packet(t, grayPop, red1, ""))},
		{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: with(packet(t, red1, grayNone, foo3), func(p []byte) { p[6] = 0x20 })},
		{Hook: queue.Forward, Protocol: ethertypeIPv4, In: grayIf, Out: redIf, Payload: large(packet(t, grayPop, red1, ""), 1500)},
		{Hook: queue.Output, Protocol: ethertypeIPv4, Out: redIf, Payload: unreachable(t, gate, red1, "", packet(t, red1, gate, foo3))},
	}
	verdicts := make([]queue.Verdict, len(packets))
	if n := testing.AllocsPerRun(100, func() {
		clear(verdicts)
		j.Handle(packets, verdicts)
	}); n != 0 {
		t.Errorf("%v allocations for %d packets, want none", n, len(packets))
	}
}

// unheard takes every error and sends none.
type unheard struct{}

func (unheard) Send(time.Duration, icmp.Notice) bool { return true }

func (unheard) Own(time.Duration, netip.Addr, []byte) (label, generation uint32, ok bool) {
	return 0, 0, false
}
