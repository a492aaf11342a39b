//go:build router

package nft_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"

	"labelgate/internal/mark"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

// offload makes a flow table at these interfaces, and a rule that has every flow in it
// as soon as the kernel takes it.
func (l *lab) offload(devices ...string) (remove func()) {
	l.t.Helper()
	c, err := nftables.New(nftables.WithNetNSFd(int(l.gw)))
	if err != nil {
		l.t.Fatal(err)
	}
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "fast"})
	c.AddFlowtable(&nftables.Flowtable{Table: table, Name: "f", Hooknum: nftables.FlowtableHookIngress, Priority: nftables.FlowtablePriorityFilter, Devices: devices})
	c.AddRule(&nftables.Rule{
		Table: table,
		Chain: c.AddChain(&nftables.Chain{Table: table, Name: "forward", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter}),
		Exprs: []expr.Any{&expr.FlowOffload{Name: "f"}},
	})
	if err := c.Flush(); err != nil {
		l.t.Fatal(err)
	}
	return func() {
		c.DelTable(table)
		if err := c.Flush(); err != nil {
			l.t.Fatal(err)
		}
	}
}

// talk is a flow of datagrams from the source to the destination and back, and how
// many of them were judged.
type talk struct {
	*lab
	s, d   *net.UDPConn
	judged atomic.Int32
}

func newTalk(l *lab) *talk {
	k := &talk{lab: l, s: l.udp(l.src, srcIP, testPort), d: l.udp(l.dst, dstIP, testPort)}
	h, err := netlink.NewHandleAt(l.gw)
	if err != nil {
		l.t.Fatal(err)
	}
	defer h.Close()
	zone := map[uint32]uint8{uint32(linkIndex(l.t, h, "g0")): 1, uint32(linkIndex(l.t, h, "g1")): 2}
	l.listen(func(p *queue.Packet, v *queue.Verdict) {
		k.judged.Add(1)
		*v = queue.Verdict{Accept: true, SetMark: true, Mark: uint32(mark.ForZone(1, zone[p.Out]))}
	})
	return k
}

// exchange sends some datagrams each way. It reports how many arrived and how many
// were judged.
func (k *talk) exchange(what string, arrive bool) (arrived, judged int) {
	k.t.Helper()
	before := k.judged.Load()
	wait := soon / 3
	if arrive {
		wait = patience
	}
	for i := range 10 {
		text := fmt.Sprintf("%s %d", what, i)
		if passes(k.t, k.s, k.d, dstIP, text, wait) {
			arrived++
		}
		if _, err := k.d.WriteToUDPAddrPort([]byte(text), netip.AddrPortFrom(netip.MustParseAddr(srcIP), testPort)); err != nil {
			k.t.Fatal(err)
		}
		if arrives(k.t, k.s, text, wait) {
			arrived++
		}
	}
	return arrived, int(k.judged.Load() - before)
}

// A flow of two zones gets into a flow table although every packet of it is judged at
// FORWARD, and then goes past the rules: so it is the interface that it leaves by
// that stops it.
func TestFlowtable(t *testing.T) {
	for _, tt := range []struct {
		name     string
		noEgress bool
	}{{"egress looked at", false}, {"egress not looked at", true}} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.plan.NoEgress = tt.noEgress
			r, err := nft.Install(l.plan)
			if err != nil || r.Egress == tt.noEgress {
				t.Fatalf("%+v: %v", r, err)
			}
			k := newTalk(l)
			if arrived, judged := k.exchange("all judged", true); arrived != 20 || judged != 20 {
				t.Fatalf("%d of 20 arrived, %d were judged", arrived, judged)
			}
			if found, err := nft.Bypasses(l.plan); len(found) != 0 || err != nil {
				t.Errorf("%v, %v", found, err)
			}
			remove := l.offload("g0", "g1")
			found, err := nft.Bypasses(l.plan)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, b := range found {
				t.Log(b.What)
				got = append(got, leads(b))
			}
			if want := []string{`flowtable "g0" true`, `flowtable "g1" true`}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			arrived, judged := k.exchange("offloaded", tt.noEgress)
			t.Logf("with a flow table: %d of 20 arrived, %d were judged", arrived, judged)
			if tt.noEgress {
				if arrived <= judged {
					t.Error("the flow table takes nothing past the rules, so nothing is shown")
				}
				return
			}
			if arrived > judged {
				t.Errorf("%d packets passed without being judged", arrived-judged)
			}
			if arrived > 10 {
				t.Errorf("%d packets arrived: the flow never got into the flow table", arrived)
			}
			counters, err := nft.ReadCounters(testTable, int(l.gw))
			if err != nil || counters.Around != uint64(20-arrived) {
				t.Errorf("%d packets are counted of %d: %v", counters.Around, 20-arrived, err)
			}
			remove()
			if arrived, judged := k.exchange("without it again", true); arrived != 20 || judged != 20 {
				t.Errorf("%d of 20 arrived, %d were judged", arrived, judged)
			}
		})
	}
}
