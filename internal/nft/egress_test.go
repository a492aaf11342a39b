package nft_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"labelgate/internal/nft"
)

// What is led around FORWARD, OUTPUT and POSTROUTING does not leave by an interface
// of a zone.
func TestNothingUnjudgedLeaves(t *testing.T) {
	tests := []struct {
		name   string
		lead   func(t *testing.T, l *lab, h *netlink.Handle)
		passes bool
	}{
		{"rule of the family netdev", func(t *testing.T, l *lab, h *netlink.Handle) {
			frameRule(t, l, "other", linkIndex(t, h, "g1"))
		}, false},
		{"rule of the family netdev, between interfaces in no zone", func(t *testing.T, l *lab, h *netlink.Handle) {
			frameRule(t, l, "other", linkIndex(t, h, "out"))
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			h, err := netlink.NewHandleAt(l.gw)
			must(t, err)
			defer h.Close()
			l.cable(l.src, "s9", "10.91.9.2", "fd91:9::2", l.gw, "other", "10.91.9.1", "fd91:9::1")
			l.cable(l.dst, "d9", "10.91.8.2", "fd91:8::2", l.gw, "out", "10.91.8.1", "fd91:8::1")
			tt.lead(t, l, h)
			device := "d0"
			if tt.passes {
				device = "d9"
			}
			in, out := l.packetSocket(l.dst, device, unix.ETH_P_ALL), l.packetSocket(l.src, "s9", 0)
			send := func(text string) {
				frame := slices.Concat([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9}, bigEndian(unix.ETH_P_IP), udpPacket(dstIP, nil, []byte(text)))
				if _, err := unix.Write(out, frame); err != nil {
					t.Fatal(err)
				}
			}
			send("before the rules")
			if !hears(t, in, "before the rules", patience) {
				t.Fatal("what leads packets around the rules does not")
			}
			if r, err := nft.Install(l.plan); err != nil || !r.Egress {
				t.Fatalf("%+v: %v", r, err)
			}
			send("behind the rules")
			if tt.passes {
				if !hears(t, in, "behind the rules", patience) {
					t.Error("dropped between interfaces in no zone")
				}
				return
			}
			l.countsAround()
			if hears(t, in, "behind the rules", 0) {
				t.Error("passed")
			}
		})
	}
}

// countsAround waits until a packet has been dropped. Hosts say things on their own, too.
func (l *lab) countsAround() {
	l.t.Helper()
	var c nft.Counters
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var err error
		if c, err = nft.ReadCounters(testTable, int(l.gw)); err != nil {
			l.t.Fatal(err)
		}
		if c.Around > 0 {
			return
		}
	}
	l.t.Error("no packet is counted")
}

// A container's interface on the cable of a zone is no way out.
func TestUpperInterfaceIsNoWayOut(t *testing.T) {
	l := newLab(t)
	container := newNamespace(t)
	h, err := netlink.NewHandleAt(l.gw)
	must(t, err)
	defer h.Close()
	must(t, h.LinkAdd(&netlink.Macvlan{
		LinkAttrs: netlink.LinkAttrs{Name: "c0", ParentIndex: linkIndex(t, h, "g1"), Namespace: netlink.NsFd(container)}, Mode: netlink.MACVLAN_MODE_BRIDGE,
	}))
	l.address(container, "c0", "10.91.2.9")
	s, d := l.udp(container, "10.91.2.9", 0), l.udp(l.dst, dstIP, testPort)
	if !passes(t, s, d, dstIP, "before the rules", patience) {
		t.Fatal("the container has no way out")
	}
	l.install()
	if passes(t, s, d, dstIP, "behind the rules", soon) {
		t.Error("passed")
	}
}

// Programs that write frames by themselves, as DHCP clients do, can; what is not IP
// goes as before.
func TestFramesOfThisMachineLeave(t *testing.T) {
	l := newLab(t)
	l.install()
	out, in := l.packetSocket(l.gw, "g1", 0), l.packetSocket(l.dst, "d0", unix.ETH_P_ALL)
	for _, tt := range []struct {
		name      string
		ethertype uint16
	}{{"IPv4", unix.ETH_P_IP}, {"IPv6", unix.ETH_P_IPV6}, {"LLDP", lldp}} {
		frame := slices.Concat([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9}, bigEndian(tt.ethertype), udpPacket(dstIP, nil, []byte(tt.name)))
		if _, err := unix.Write(out, frame); err != nil {
			t.Fatal(err)
		}
		if !hears(t, in, tt.name, patience) {
			t.Errorf("%s was dropped", tt.name)
		}
	}
}

// The sign is nobody else's business: other programs' marks are as they were, and
// whoever sees the packet behind us sees theirs alone.
func TestMarksOfOthersLeave(t *testing.T) {
	l := newLab(t)
	l.install()
	c, err := nftables.New(nftables.WithNetNSFd(int(l.gw)))
	must(t, err)
	shaping := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "shaping"})
	c.AddRule(&nftables.Rule{
		Table: shaping,
		Chain: c.AddChain(&nftables.Chain{Table: shaping, Name: "p", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityMangle}),
		Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyMARK, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: make([]byte, 4)}, // the mark is nobody's yet
			&expr.Immediate{Register: 1, Data: []byte{7, 0, 0, 0}},
			&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: 1},
		},
	})
	behind := c.AddTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: "behind"})
	c.AddRule(&nftables.Rule{
		Table: behind,
		Chain: c.AddChain(&nftables.Chain{Table: behind, Name: "b", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookRef(1), Priority: nftables.ChainPriorityRef(0), Device: "g1"}),
		Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: bigEndian(unix.ETH_P_IP)},
			&expr.Meta{Key: expr.MetaKeyMARK, Register: 1},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{7, 0, 0, 0}},
			&expr.Verdict{Kind: expr.VerdictDrop},
		},
	})
	must(t, c.Flush())
	l.listen(judged(2))
	for _, from := range []struct {
		ns netns.NsHandle
		ip string
	}{{l.src, srcIP}, {l.gw, gwDstIP}} {
		s, d := l.udp(from.ns, from.ip, 0), l.udp(l.dst, dstIP, testPort)
		if !passes(t, s, d, dstIP, "marked by another", patience) {
			t.Errorf("from %s: the mark is another than was given", from.ip)
		}
		d.Close()
	}
}

// A kernel that cannot look at what leaves gets the rest.
func TestWithoutEgress(t *testing.T) {
	l := newLab(t)
	l.plan.NoEgress = true
	r, err := nft.Install(l.plan)
	if err != nil || r.Egress || !r.Ethertypes {
		t.Errorf("%+v: %v", r, err)
	}
	if err := nft.Check(l.plan); err != nil {
		t.Error(err)
	}
	l.listen(judged(2))
	if !passes(t, l.udp(l.src, srcIP, 0), l.udp(l.dst, dstIP, testPort), dstIP, "judged", patience) {
		t.Error("what was judged does not pass")
	}
	l.plan.NoEgress = false
	if r, err := nft.Install(l.plan); err != nil || !r.Egress {
		t.Errorf("%+v: %v", r, err)
	}
}
