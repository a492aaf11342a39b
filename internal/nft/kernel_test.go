package nft_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

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
	if !passes(t, s, d, dstIP, "before the rules", patience) {
		t.Fatal("the lab does not forward")
	}
	l.install()
	if passes(t, s, d, dstIP, "nobody listens", soon) {
		t.Error("a packet passed without a listener")
	}
	_, stop := l.listen(judged(2))
	if !passes(t, s, d, dstIP, "somebody listens", patience) {
		t.Error("an accepted packet did not pass")
	}
	stop()
	if passes(t, s, d, dstIP, "the listener ended", soon) {
		t.Error("a packet passed after the listener ended")
	}
	if err := nft.Check(l.plan); err != nil {
		t.Error(err)
	}
	if err := nft.Remove(testTable, int(l.gw)); err != nil {
		t.Fatal(err)
	}
	if !passes(t, s, d, dstIP, "after the rules", patience) {
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
			within := soon
			if tt.pass {
				within = patience
			}
			if got := passes(t, s, d, dstIP, tt.name, within); got != tt.pass {
				t.Errorf("passed = %v, want %v", got, tt.pass)
			}
		})
	}
}

// unknownDOI is an option the kernel refuses when it parses it: type 134 with a
// domain of interpretation nobody defined.
var unknownDOI = []byte{134, 10, 0x7f, 0x01, 0x02, 0x03, 1, 4, 0, 5, 0, 0}

var nops = []byte{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}

func TestOptionIsSeenBeforeTheKernelReadsIt(t *testing.T) {
	l := newLab(t)
	l.install()
	type seen struct {
		hook     queue.Hook
		mark     uint32
		protocol uint16
		options  string
	}
	got := make(chan seen, 16)
	l.listen(func(p *queue.Packet, v *queue.Verdict) {
		header := int(p.Payload[0]&15) * 4
		got <- seen{p.Hook, p.Mark, p.Protocol, string(p.Payload[20:header])}
		if p.Hook == queue.Prerouting {
			// The kernel would drop it here, so the option is blanked.
			*v = queue.Verdict{Accept: true, Payload: withOptions(p.Payload, nops), SetMark: true, Mark: p.Mark}
			return
		}
		judged(0)(p, v)
	})
	local := l.udp(l.gw, gwDstIP, testPort)
	l.sendRaw(udpPacket(gwDstIP, unknownDOI, []byte("local")))
	if !arrives(t, local, "local", patience) {
		t.Error("the packet did not arrive")
	}
	l.sendRaw(udpPacket(dstIP, unknownDOI, []byte("foreign")))
	want := []seen{
		{queue.Prerouting, uint32(mark.Local), 0x0800, string(unknownDOI)},
		{queue.Input, uint32(mark.Local), 0x0800, string(nops)},
		{queue.Prerouting, 0, 0x0800, string(unknownDOI)},
		{queue.Forward, 0, 0x0800, string(nops)},
	}
	for i, w := range want {
		select {
		case g := <-got:
			if g != w {
				t.Errorf("packet %d: %+v, want %+v", i, g, w)
			}
		case <-time.After(patience):
			t.Fatalf("packet %d did not come", i)
		}
	}
}

func TestPendingIsQueuedAgain(t *testing.T) {
	l := newLab(t)
	l.install()
	pending, ok := mark.ForLabel(3, 2, 12345)
	if !ok {
		t.Fatal("mark does not fit")
	}
	again := make(chan mark.Mark, 1)
	l.listen(func(p *queue.Packet, v *queue.Verdict) {
		v.Accept, v.SetMark = true, true
		switch p.Hook {
		case queue.Prerouting:
			v.Mark, v.Payload = uint32(pending), withOptions(p.Payload, nops)
		case queue.Forward:
			again <- mark.Mark(p.Mark)
			v.Mark, v.Payload = uint32(mark.ForZone(3, 2)), withOptions(p.Payload, nil)
		}
	})
	d := l.udp(l.dst, dstIP, testPort)
	l.sendRaw(udpPacket(dstIP, unknownDOI, []byte("long enough to lose an option")))
	if !arrives(t, d, "long enough to lose an option", patience) {
		t.Error("the packet did not arrive")
	}
	if m := <-again; m != pending {
		t.Errorf("mark at forward = %08x, want %08x", m, pending)
	}
}

// A packet that was judged when it arrived is not queued a second time.
func TestJudgedAtPreroutingPassesForward(t *testing.T) {
	l := newLab(t)
	l.install()
	l.listen(func(p *queue.Packet, v *queue.Verdict) {
		if p.Hook == queue.Prerouting {
			*v = queue.Verdict{Accept: true, SetMark: true, Mark: uint32(mark.ForZone(1, 2)), Payload: withOptions(p.Payload, nil)}
		}
	})
	d := l.udp(l.dst, dstIP, testPort)
	l.sendRaw(udpPacket(dstIP, unknownDOI, []byte("judged at once")))
	if !arrives(t, d, "judged at once", patience) {
		t.Error("the packet did not arrive")
	}
}

func TestIPv6IsClosed(t *testing.T) {
	l := newLab(t)
	s, d := l.udp(l.src, "fd91:1::2", 0), l.udp(l.dst, "fd91:2::2", testPort)
	// Addresses and neighbours take a moment.
	open := false
	for i := 0; i < 20 && !open; i++ {
		open = passes(t, s, d, "fd91:2::2", "before the rules", patience)
	}
	if !open {
		t.Fatal("the lab does not forward IPv6")
	}
	l.install()
	l.listen(judged(2))
	if passes(t, s, d, "fd91:2::2", "with the rules", soon) {
		t.Error("an IPv6 packet passed")
	}
	c, err := nft.ReadCounters(testTable, int(l.gw))
	if err != nil {
		t.Fatal(err)
	}
	if c.IPv6 == 0 {
		t.Error("no IPv6 drop was counted")
	}
}

// The gateway's own packets are judged like others.
func TestOutputIsQueued(t *testing.T) {
	l := newLab(t)
	l.install()
	gw, d := l.udp(l.gw, gwDstIP, 0), l.udp(l.dst, dstIP, testPort)
	if _, err := gw.WriteToUDPAddrPort([]byte("closed"), to(dstIP)); err == nil && arrives(t, d, "closed", soon) {
		t.Error("a packet of the gateway passed without a listener")
	}
	hooks := make(chan queue.Hook, 8)
	l.listen(func(p *queue.Packet, v *queue.Verdict) {
		hooks <- p.Hook
		judged(2)(p, v)
	})
	if !passes(t, gw, d, dstIP, "judged", patience) {
		t.Error("an accepted packet of the gateway did not pass")
	}
	if h := <-hooks; h != queue.Output {
		t.Errorf("queued at %v, want output", h)
	}
}

// While the rules are replaced over and over, nothing slips through.
func TestReplacementHasNoGap(t *testing.T) {
	l := newLab(t)
	l.install()
	s, d := l.udp(l.src, srcIP, 0), l.udp(l.dst, dstIP, testPort)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = s.WriteToUDPAddrPort([]byte("slips through"), to(dstIP))
				time.Sleep(20 * time.Microsecond)
			}
		}
	}()
	zones := l.plan.Zones
	for i := range 30 {
		// The same rules again would be left alone.
		l.plan.Zones = append(zones[:2:2], nft.Zone{Index: uint8(3 + i), Name: "other", Interfaces: []string{"other"}})
		l.install()
	}
	close(stop)
	<-done
	if arrives(t, d, "slips through", soon) {
		t.Error("a packet passed while the rules were replaced")
	}
}

// A zone vouches for its own interfaces only: a packet that was judged and then
// leaves by an interface of no zone was not judged for that.
func TestJudgedPacketStaysAmongZones(t *testing.T) {
	l := newLab(t)
	l.plan.Zones = l.plan.Zones[:1]
	l.install()
	l.listen(func(p *queue.Packet, v *queue.Verdict) {
		if p.Hook == queue.Prerouting {
			*v = queue.Verdict{Accept: true, SetMark: true, Mark: uint32(mark.ForZone(1, 1)), Payload: withOptions(p.Payload, nil)}
		}
	})
	d := l.udp(l.dst, dstIP, testPort)
	l.sendRaw(udpPacket(dstIP, nops, []byte("by the back door, long enough")))
	if arrives(t, d, "by the back door, long enough", soon) {
		t.Error("a packet left by an interface of no zone")
	}
}

// Routers with several uplinks save the mark with the connection on the way out
// and give it to its later packets on the way in.
func TestMarkIsNotSavedWithTheConnection(t *testing.T) {
	l := newLab(t)
	l.install()
	c, err := nftables.New(nftables.WithNetNSFd(int(l.gw)))
	if err != nil {
		t.Fatal(err)
	}
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "uplinks"})
	chain := func(name string, hook *nftables.ChainHook, exprs ...expr.Any) {
		ch := c.AddChain(&nftables.Chain{Table: table, Name: name, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: nftables.ChainPriorityMangle})
		c.AddRule(&nftables.Rule{Table: table, Chain: ch, Exprs: exprs})
	}
	chain("restore", nftables.ChainHookPrerouting, &expr.Ct{Register: 1, Key: expr.CtKeyMARK}, &expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: 1})
	chain("save", nftables.ChainHookPostrouting, &expr.Meta{Key: expr.MetaKeyMARK, Register: 1}, &expr.Ct{Register: 1, SourceRegister: true, Key: expr.CtKeyMARK})
	if err := c.Flush(); err != nil {
		t.Skipf("needs conntrack marks in nf_tables: %v", err)
	}
	var asked atomic.Int32
	l.listen(func(p *queue.Packet, v *queue.Verdict) {
		asked.Add(1)
		judged(2)(p, v)
	})
	s, d := l.udp(l.src, srcIP, 0), l.udp(l.dst, dstIP, testPort)
	const packets = 3
	for range packets {
		if !passes(t, s, d, dstIP, "of one connection", patience) {
			t.Fatal("did not arrive")
		}
	}
	if n := asked.Load(); n != packets {
		t.Errorf("%d of %d packets were judged", n, packets)
	}
}

// A packet with options for the gateway itself is judged once, unless it was
// judged as one that goes on to a zone.
func TestJudgedAtPreroutingIsDelivered(t *testing.T) {
	tests := []struct {
		name string
		zone uint8
		want []queue.Hook
	}{
		{"for this machine", 0, []queue.Hook{queue.Prerouting}},
		{"for a zone", 2, []queue.Hook{queue.Prerouting, queue.Input}},
	}
	l := newLab(t)
	l.install()
	local := l.udp(l.gw, gwDstIP, testPort)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var hooks []queue.Hook
			_, stop := l.listen(func(p *queue.Packet, v *queue.Verdict) {
				hooks = append(hooks, p.Hook)
				*v = queue.Verdict{Accept: true, SetMark: true, Mark: uint32(mark.ForZone(1, tt.zone))}
				if p.Hook == queue.Prerouting {
					v.Payload = withOptions(p.Payload, nops)
				}
			})
			l.sendRaw(udpPacket(gwDstIP, unknownDOI, []byte(tt.name)))
			if !arrives(t, local, tt.name, patience) {
				t.Error("the packet did not arrive")
			}
			stop()
			if !slices.Equal(hooks, tt.want) {
				t.Errorf("queued at %v, want %v", hooks, tt.want)
			}
		})
	}
}
