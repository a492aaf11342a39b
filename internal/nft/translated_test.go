package nft_test

import (
	"net"
	"slices"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"labelgate/internal/mark"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

// conn talks to nf_tables in the gateway.
func (l *lab) conn() *nftables.Conn {
	l.t.Helper()
	c, err := nftables.New(nftables.WithNetNSFd(int(l.gw)))
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// translate turns UDP to one address into UDP to another, as it arrives.
func (l *lab) translate(from, to string) { l.translateAt(nftables.ChainHookPrerouting, from, to) }

// translateAt does so at one of the two hooks at which destinations are translated.
func (l *lab) translateAt(hook *nftables.ChainHook, from, to string) {
	l.t.Helper()
	c := l.conn()
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "translator"})
	chain := c.AddChain(&nftables.Chain{Table: table, Name: "dnat", Type: nftables.ChainTypeNAT, Hooknum: hook, Priority: nftables.ChainPriorityNATDest})
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 4},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: ip4(from)},
		&expr.Immediate{Register: 1, Data: ip4(to)},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegAddrMax: 1},
	}})
	if err := c.Flush(); err != nil {
		l.t.Skipf("needs address translation: %v", err)
	}
}

// A packet that was judged for one address and then translated to another is
// queued again where it leaves, if its mark says that it is pending; and what the
// mark says about being delivered here is not believed where it says something else.
func TestTranslatedIsJudgedAgain(t *testing.T) {
	const elsewhere = "10.91.2.77"
	tests := []struct {
		name     string
		pending  bool
		from, to string
		zone     uint8 // that it is judged for at prerouting
		arrives  bool
		want     []string
	}{
		{"a host of the zone, not asked again", false, elsewhere, dstIP, 2, true, []string{"prerouting " + elsewhere}},
		{"a host of the zone", true, elsewhere, dstIP, 0, true, []string{"prerouting " + elsewhere, "forward " + dstIP}},
		{"this machine", true, gwDstIP, dstIP, 0, true, []string{"prerouting " + gwDstIP, "forward " + dstIP}},
		{"this machine, not asked again", false, gwDstIP, dstIP, 0, false, []string{"prerouting " + gwDstIP}},
		{"to this machine", true, elsewhere, gwDstIP, 0, true, []string{"prerouting " + elsewhere, "input " + gwDstIP}},
		{"to this machine, not asked again at forward", false, elsewhere, gwDstIP, 2, true, []string{"prerouting " + elsewhere, "input " + gwDstIP}},
		{"from this machine's address to another of it", false, gwSrcIP, gwDstIP, 0, true, []string{"prerouting " + gwSrcIP}},
		{"from this machine's address to another of it, pending", true, gwSrcIP, gwDstIP, 0, true, []string{"prerouting " + gwSrcIP, "input " + gwDstIP}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.install()
			l.translate(tt.from, tt.to)
			var seen []string
			_, stop := l.listen(func(p *queue.Packet, v *queue.Verdict) {
				seen = append(seen, p.Hook.String()+" "+address(p.Payload[16:20]))
				v.Accept, v.SetMark, v.Mark = true, true, uint32(mark.ForZone(1, 2))
				if p.Hook == queue.Prerouting {
					m := mark.ForZone(1, tt.zone)
					if tt.pending {
						m, _ = mark.ForLabel(1, tt.zone, 5)
					}
					v.Mark, v.Payload = uint32(m), withOptions(p.Payload, nops)
				}
			})
			receiver := l.udp(l.dst, dstIP, testPort)
			if tt.to == gwDstIP {
				receiver = l.udp(l.gw, gwDstIP, testPort)
			}
			l.sendRaw(udpPacket(tt.from, unknownDOI, []byte("translated")))
			wait := patience
			if !tt.arrives {
				wait = soon
			}
			if got := arrives(t, receiver, "translated", wait); got != tt.arrives {
				t.Errorf("arrived: %v", got)
			}
			stop()
			if !slices.Equal(seen, tt.want) {
				t.Errorf("queued at %q, want %q", seen, tt.want)
			}
			if c, err := nft.ReadCounters(testTable, int(l.gw)); err != nil || (c.Unjudged != 0) == tt.arrives {
				t.Errorf("counters %+v, %v", c, err)
			}
		})
	}
}

// Connections are translated for as long as the kernel has a chain of type nat, also
// when the rule that had them translated is gone: as long, destinations change.
func TestTranslationOutlivesItsRule(t *testing.T) {
	const elsewhere = "10.91.2.77"
	l := newLab(t)
	l.track() // else nobody tracks connections when the rule is gone
	l.translate(elsewhere, dstIP)
	sender, receiver := l.udp(l.src, srcIP, 0), l.udp(l.dst, dstIP, testPort)
	c, table := l.conn(), &nftables.Table{Family: nftables.TableFamilyIPv4, Name: "translator"}
	for _, step := range []struct {
		name string
		do   func()
		want bool
	}{
		{"with its rule", func() {}, true},
		{"without its rule", func() { c.FlushChain(&nftables.Chain{Table: table, Name: "dnat"}) }, true},
		{"without its chain", func() { c.DelTable(table) }, false},
	} {
		step.do()
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		wait := patience
		if !step.want {
			wait = soon
		}
		if got := passes(t, sender, receiver, elsewhere, step.name, wait); got != step.want {
			t.Errorf("%s: translated %v", step.name, got)
		}
		if where, found, err := nft.Translates(int(l.gw)); err != nil || found != step.want {
			t.Errorf("%s: found %q %v %v", step.name, where, found, err)
		}
	}
}

// What this machine sends is judged for where it goes, behind the translation of its
// destination. Where it goes by another interface than before it does not go at all.
func TestOwnTranslatedIsJudgedBehind(t *testing.T) {
	const elsewhere = "10.91.2.77"
	for _, tt := range []struct {
		name, from string
		arrives    bool
	}{{"in the zone", elsewhere, true}, {"to another zone", srcIP, false}} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.install()
			l.translateAt(nftables.ChainHookOutput, tt.from, dstIP)
			seen, g1 := make(chan string, 4), l.index("g1")
			l.listen(func(p *queue.Packet, v *queue.Verdict) {
				seen <- p.Hook.String() + " " + address(p.Payload[16:20])
				v.Accept, v.SetMark, v.Mark = true, true, uint32(mark.ForZone(1, 1))
				if p.Out == g1 {
					v.Mark = uint32(mark.ForZone(1, 2))
				}
			})
			wait := patience
			if !tt.arrives {
				wait = soon
			}
			if got := passes(t, l.udp(l.gw, "0.0.0.0", 0), l.udp(l.dst, dstIP, testPort), tt.from, "translated", wait); got != tt.arrives {
				t.Errorf("arrived: %v", got)
			}
			if got, want := within(t, seen, "the packet"), "output "+dstIP; got != want {
				t.Errorf("queued at %q, want %q", got, want)
			}
		})
	}
}

// index returns the index of an interface of the gateway.
func (l *lab) index(name string) (index uint32) {
	l.t.Helper()
	var link *net.Interface
	var err error
	l.inside(l.gw, func() { link, err = net.InterfaceByName(name) })
	if err != nil {
		l.t.Fatal(err)
	}
	return uint32(link.Index)
}
