package nft_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

// netdevTable is the table of the rules for ethertypes.
var netdevTable = &nftables.Table{Family: nftables.TableFamilyNetdev, Name: testTable}

// dropChain takes a chain away, as an older kernel does with its interface. Such a
// kernel has none for an interface to come either.
func (l *lab) dropChain(t *nftables.Table, name string) {
	l.t.Helper()
	c := l.conn()
	chains, err := c.ListChainsOfTableFamily(t.Family)
	if err != nil {
		l.t.Fatal(err)
	}
	if !slices.ContainsFunc(chains, func(ch *nftables.Chain) bool { return ch.Table.Name == t.Name && ch.Name == name }) {
		return
	}
	ch := &nftables.Chain{Table: t, Name: name}
	c.FlushChain(ch)
	c.DelChain(ch)
	if err := c.Flush(); err != nil {
		l.t.Fatal(err)
	}
}

// appeared returns what Check says has no chain, and fails for any other drift.
func (l *lab) appeared() []string {
	l.t.Helper()
	err := nft.Check(l.plan)
	var drift *nft.DriftError
	if err == nil {
		return nil
	}
	if !errors.As(err, &drift) || drift.Appeared() == nil {
		l.t.Errorf("Check: %v", err)
		return nil
	}
	return drift.Appeared()
}

// mplsFrom sends a frame that is to be dropped.
func (l *lab) mplsFrom(device string) {
	l.t.Helper()
	frame := slices.Concat(bytes.Repeat([]byte{0xff}, 6), make([]byte, 6), bigEndian(mpls), make([]byte, 46))
	if _, err := unix.Write(l.packetSocket(l.src, device, 0), frame); err != nil {
		l.t.Fatal(err)
	}
}

// An interface of a zone may come, go, and come back under its name, with a plan in
// force all the time. weird is a name that nft itself could not speak of.
func TestInterfaceComesAndGoes(t *testing.T) {
	for _, tt := range []struct {
		name string
		old  bool // as with kernels that make no chain for an interface to come
	}{
		{"with a chain that waits for it", false},
		{"with a chain that is made for it", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const weird, chain = `w{1}@;x'`, "gress-w/7b1/7d/40/3bx/27"
			l := newLab(t)
			l.plan.Zones[0].Interfaces = []string{"g0", weird}
			l.install()
			l.mplsFrom("s0")
			l.countsEthertypes(1)
			for round := range 2 {
				if tt.old {
					l.dropChain(netdevTable, "in"+chain)
					l.dropChain(netdevTable, "e"+chain)
				}
				if err := nft.Check(l.plan); err != nil {
					t.Fatalf("without the interface: %v", err)
				}
				l.cable(l.src, "s2", "10.91.4.2", "fd91:4::2", l.gw, weird, "10.91.4.1", "fd91:4::1")
				if got := l.appeared(); tt.old && !slices.Equal(got, []string{weird}) {
					t.Errorf("appeared: %q", got)
				}
				l.install()
				if err := nft.Check(l.plan); err != nil {
					t.Errorf("with the interface: %v", err)
				}
				// Counts that stayed are rules that were left alone.
				l.mplsFrom("s2")
				l.countsEthertypes(uint64(2 + round))
				l.remove(weird)
				if got := l.appeared(); got != nil {
					t.Errorf("gone, and appeared: %q", got)
				}
				if r, err := nft.Install(l.plan); err != nil || !r.Ethertypes {
					t.Errorf("without the interface: %+v %v", r, err)
				}
			}
		})
	}
}

// remove deletes an interface of the gateway.
func (l *lab) remove(name string) {
	l.t.Helper()
	h, err := netlink.NewHandleAt(l.gw)
	if err != nil {
		l.t.Fatal(err)
	}
	defer h.Close()
	link, err := h.LinkByName(name)
	if err == nil {
		err = h.LinkDel(link)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// An interface that is new is told apart from all else that may be wrong.
func TestAppearedIsAllThatDiffers(t *testing.T) {
	l := newLab(t)
	l.install()
	l.dropChain(netdevTable, "ingress-g0")
	if got := l.appeared(); !slices.Equal(got, []string{"g0"}) {
		t.Errorf("appeared: %q", got)
	}
	l.dropChain(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: testTable}, "output")
	var drift *nft.DriftError
	if err := nft.Check(l.plan); !errors.As(err, &drift) || drift.Appeared() != nil {
		t.Errorf("Check: %v", err)
	}
	l.install()
	if err := nft.Check(l.plan); err != nil {
		t.Error(err)
	}
}

// A chain for a new interface is added while packets wait in the queue, and they
// stay there: taking a chain away would drop them.
func TestWaitingPacketsStay(t *testing.T) {
	l := newLab(t)
	l.install()
	l.dropChain(netdevTable, "ingress-g1")
	waiting, answer := make(chan bool, 1), make(chan bool)
	l.listen(func(p *queue.Packet, v *queue.Verdict) {
		waiting <- true
		<-answer
		judged(2)(p, v)
	})
	s, d := l.udp(l.src, srcIP, 0), l.udp(l.dst, dstIP, testPort)
	if _, err := s.WriteToUDPAddrPort([]byte("waits"), to(dstIP)); err != nil {
		t.Fatal(err)
	}
	within(t, waiting, "the packet")
	l.install()
	close(answer)
	if !arrives(t, d, "waits", patience) {
		t.Error("the packet that waited was dropped")
	}
}

// Where other ethertypes cannot be filtered nothing is said to be missing.
func TestWithoutIngress(t *testing.T) {
	l := newLab(t)
	l.plan.NoIngress = true
	if r, err := nft.Install(l.plan); err != nil || r.Ethertypes {
		t.Errorf("%+v, %v", r, err)
	}
	if err := nft.Check(l.plan); err != nil {
		t.Error(err)
	}
	in := l.packetSocket(l.gw, "g0", mpls)
	l.mplsFrom("s0")
	if !hears(t, in, "\x88\x47", patience) {
		t.Error("dropped all the same")
	}
	if err := nft.Remove(testTable, int(l.gw)); err != nil {
		t.Error(err)
	}
}
