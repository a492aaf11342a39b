package nft_test

import (
	"fmt"
	"testing"

	"github.com/vishvananda/netlink"

	"labelgate/internal/nft"
)

// twenty returns a plan of twenty zones whose interfaces are there, one each.
func twenty(t testing.TB, ns int, h *netlink.Handle) nft.Plan {
	t.Helper()
	p := nft.Plan{Table: testTable, Queue: testQueue, NetNS: ns, Narrowest: 1500}
	for i := 1; i <= 20; i++ {
		name := fmt.Sprintf("z%d", i)
		if err := h.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "p"}); err != nil {
			t.Fatal(err)
		}
		p.Zones = append(p.Zones, nft.Zone{Index: uint8(i), Name: name, Interfaces: []string{name}, Ethertypes: []uint16{0x8847}})
	}
	if _, err := nft.Install(p); err != nil {
		t.Fatal(err)
	}
	return p
}

func BenchmarkCheck(b *testing.B) {
	ns := newNamespace(b)
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	p := twenty(b, int(ns), h)
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			if err := nft.Check(p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("watch", func(b *testing.B) {
		var w nft.CheckWatch
		for b.Loop() {
			if err := w.Check(p); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkBypasses(b *testing.B) {
	ns := newNamespace(b)
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	p := twenty(b, int(ns), h)
	var w nft.BypassWatch
	for b.Loop() {
		if _, err := w.Bypasses(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadCounters(b *testing.B) {
	ns := newNamespace(b)
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	p := twenty(b, int(ns), h)
	for b.Loop() {
		if _, err := nft.ReadCounters(p.Table, p.NetNS); err != nil {
			b.Fatal(err)
		}
	}
}
