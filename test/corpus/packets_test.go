package corpus

import (
	"bytes"
	"testing"

	"labelgate/test/naive"
)

var testHosts = [][4]byte{{10, 1, 0, 1}, {10, 3, 0, 1}}

func newPackets(t *testing.T, seed uint64) *Packets {
	t.Helper()
	p, err := NewPackets("../..", seed, 3, testHosts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestBuilt: what is built is sound before anything happens to it.
func TestBuilt(t *testing.T) {
	var h naive.Packet
	for _, b := range append(built(), long()...) {
		if f := h.Read(b); f.Fault != "" {
			t.Errorf("%s at %d: %x", f.Fault, f.At, b[:min(len(b), 80)])
		}
	}
}

// TestPackets: the same seed draws the same packets, and more than half of them
// have sound headers.
func TestPackets(t *testing.T) {
	one, same := newPackets(t, 1), newPackets(t, 1)
	const n = 20_000
	sound := 0
	var h naive.Packet
	for range n {
		b := one.Next()
		if !bytes.Equal(b, same.Next()) {
			t.Fatal("the same seed draws something else")
		}
		if len(b) > maxPacket {
			t.Fatalf("%d bytes", len(b))
		}
		if h.Read(b).Fault == "" {
			sound++
		}
	}
	if sound < n/2 || sound > n*9/10 {
		t.Errorf("%d of %d are sound", sound, n)
	}
	t.Logf("%d seeds; %d of %d are sound", len(one.seeds), sound, n)
}

func TestPacketsDoNotAllocate(t *testing.T) {
	p := newPackets(t, 2)
	if n := testing.AllocsPerRun(20_000, func() { p.Next() }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}
