package nft_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"labelgate/internal/nft"
)

// uncut makes a packet one that must not be fragmented, of a protocol.
func uncut(packet []byte, protocol byte) []byte {
	b := bytes.Clone(packet)
	b[6], b[9] = 0x40, protocol
	binary.BigEndian.PutUint16(b[10:], 0)
	return b
}

// What must not be cut and may be too large for its way out is queued before the
// kernel looks at that. The figure follows the plan while everything else stays.
func TestLargeIsQueuedFirst(t *testing.T) {
	const tcp, udp = 6, 17
	sized := func(dst string, size int) []byte { return udpPacket(dst, nil, make([]byte, size-28)) }
	tests := []struct {
		name   string
		packet []byte
		size   int // above the plan's figure
		tcp    bool
		df     bool
		here   bool // for the gateway itself
		first  bool // asked about at prerouting
	}{
		{name: "fits", size: 0, df: true},
		{name: "too large", size: 1, df: true, first: true},
		{name: "much too large", size: 700, df: true, first: true},
		{name: "may be cut", size: 1},
		{name: "of TCP", size: 1, df: true, tcp: true},
		{name: "for this machine", size: 1, df: true, here: true},
	}
	l := newLab(t)
	l.plan.Narrowest = 600
	l.install()
	l.udp(l.dst, dstIP, testPort) // so that nobody is told of a closed port
	l.udp(l.gw, gwSrcIP, testPort)
	seen := ask(l)
	for _, figure := range []uint16{600, 700, 600} {
		l.plan.Narrowest = figure
		if err := nft.Narrow(l.plan); err != nil {
			t.Fatal(err)
		}
		if err := nft.Check(l.plan); err != nil {
			t.Fatal(err)
		}
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s than %d", tt.name, figure), func(t *testing.T) {
				dst, hook := dstIP, "forward"
				if tt.here {
					dst, hook = gwSrcIP, "input"
				}
				p := sized(dst, int(figure)+tt.size)
				if tt.df {
					p = uncut(p, udp)
				}
				if tt.tcp {
					p[9] = tcp
				}
				l.sendRaw(p)
				want := []string{fmt.Sprintf("%s 0+%d", hook, len(p))}
				if tt.first {
					want = append([]string{fmt.Sprintf("prerouting 0+%d", len(p))}, want...)
				}
				for _, w := range want {
					if got := within(t, seen, w); got != w {
						t.Errorf("asked about %q, want %q", got, w)
					}
				}
			})
		}
	}
	l.plan.Queue++
	if err := nft.Narrow(l.plan); err == nil {
		t.Error("narrowed the rules of another plan")
	}
	l.plan.Queue--
	l.plan.Narrowest = 0
	if err := nft.Narrow(l.plan); err == nil {
		t.Error("narrowed to nothing")
	}
}
