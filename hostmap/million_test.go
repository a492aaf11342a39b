package hostmap

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
)

// million builds a table of a million different prefixes, most of them IPv4 and
// from /16 to /32, one in ten -CIPSO.
func million(t testing.TB) *Table {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	b := NewBuilder()
	for n := 0; n < 1_000_000; {
		var a netip.Addr
		bits := 16 + r.IntN(17)
		if n%10 == 0 {
			a = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
			bits *= 2
		} else {
			a = netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
		}
		e := Entry{Prefix: netip.PrefixFrom(a, bits), Label: "Label"}
		if n%10 == 1 {
			e.Kind, e.Label = CIPSO, ""
		}
		if b.Add(e) == nil {
			n++
		}
	}
	tbl, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

func TestMillion(t *testing.T) {
	if testing.Short() {
		t.Skip("short: a million prefixes take some seconds")
	}
	tbl := million(t)
	for i := 0; i < tbl.Len(); i += 997 {
		e := tbl.Entry(int32(i))
		got := tbl.Lookup(0, e.Prefix.Addr())
		if a := e.Prefix.Addr(); a.Is4() && a.IsUnspecified() {
			continue
		}
		if got < 0 || tbl.Entry(got).Prefix.Bits() < e.Prefix.Bits() || !tbl.Entry(got).Prefix.Contains(e.Prefix.Addr()) {
			t.Fatalf("%s is found in entry %d", e.Prefix, got)
		}
	}
}

func BenchmarkLookupMillion(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	tbl := million(b)
	runtime.GC()
	runtime.ReadMemStats(&after)
	r := rand.New(rand.NewPCG(2, 2))
	addrs := make([]netip.Addr, 1<<16)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
	}
	for i := 0; b.Loop(); i++ {
		tbl.Lookup(0, addrs[i&(1<<16-1)])
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
}

func BenchmarkBuildMillion(b *testing.B) {
	for b.Loop() {
		million(b)
	}
}
