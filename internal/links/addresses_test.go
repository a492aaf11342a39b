package links

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

func TestAddresses(t *testing.T) {
	s := newAddresses(0)
	own, second, all := netip.MustParseAddr("198.18.0.7"), netip.MustParseAddr("198.18.1.7"), netip.MustParseAddr("198.18.0.255")
	v6 := netip.MustParseAddr("2001:db8::1")
	s.own(own)
	s.own(second)
	s.own(v6)
	s.everybody(all)
	s.everybody(netip.MustParseAddr("2001:db8::ff"))
	table := &Table{addresses: s}
	tests := []struct {
		name                 string
		a                    netip.Addr
		local, all, mistaken bool
	}{
		{"own", own, true, false, true},
		{"own, written as IPv6", netip.AddrFrom16(own.As16()), true, false, true},
		{"own IPv6", v6, true, false, true},
		{"own IPv6 of a zone", v6.WithZone("eth0"), true, false, true},
		{"everybody", all, false, true, true},
		{"another", own.Next(), false, false, false},
		{"another IPv6", netip.MustParseAddr("2001:db8::ff"), false, false, false},
		{"none", netip.Addr{}, false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if l, b, m := table.Local(tt.a), table.Broadcast(tt.a), table.Martian(tt.a); l != tt.local || b != tt.all || m != tt.mistaken {
				t.Errorf("local %v, broadcast %v, martian %v; want %v %v %v", l, b, m, tt.local, tt.all, tt.mistaken)
			}
		})
	}
	if zero := new(Table); zero.Local(own) || zero.Broadcast(all) || zero.Martian(own) || zero.LinkMTU(3) != 0 {
		t.Error("the zero table knows something")
	}
}

func TestAddressesAgainstMap(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	s, twin := newAddresses(0), make(map[netip.Addr]bool)
	for range 500 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(4)), byte(random.IntN(256))})
		s.own(a)
		twin[a] = true
	}
	table := &Table{addresses: s}
	for i := range 4 * 256 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		if table.Local(a) != twin[a] {
			t.Errorf("%v: local %v", a, !twin[a])
		}
	}
}

func TestMartianDoesNotAllocate(t *testing.T) {
	s := newAddresses(0)
	s.own(ownAddress)
	table := &Table{addresses: s}
	packet := [4]byte{192, 0, 2, 1}
	if n := testing.AllocsPerRun(100, func() {
		a := netip.AddrFrom4(packet)
		table.Local(a)
		table.Broadcast(a)
		table.Martian(a)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkMartian(b *testing.B) {
	for _, n := range []int{4, 1000} {
		s := newAddresses(n)
		a := netip.MustParseAddr("198.18.0.1")
		for range n {
			s.own(a)
			a = a.Next()
		}
		table := &Table{addresses: s}
		packet := [4]byte{192, 0, 2, 1}
		b.Run(map[int]string{4: "few", 1000: "many"}[n], func(b *testing.B) {
			for b.Loop() {
				if table.Martian(netip.AddrFrom4(packet)) {
					b.Fatal("martian")
				}
			}
		})
	}
}
