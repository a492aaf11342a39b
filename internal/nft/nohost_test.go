package nft_test

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// What the kernel would drop for its addresses before anybody else sees it is queued
// first, once, and what it would take or route is not.
func TestAddressesOfNoHostAreQueuedFirst(t *testing.T) {
	addressed := func(src, dst string) []byte {
		b := udpPacket(dst, nil, []byte("from "+src))
		copy(b[12:], ip4(src))
		b[10], b[11] = 0, 0
		binary.BigEndian.PutUint16(b[10:], checksum(b[:20]))
		return b
	}
	tests := []struct {
		name, src, dst string
		hook           string // the first that it is queued at
	}{
		{"hosts", srcIP, dstIP, "forward"},
		{"to this machine", srcIP, gwSrcIP, "input"},
		{"from nobody in the tables", "198.51.100.1", dstIP, "forward"},
		{"from loopback", "127.0.0.1", dstIP, "prerouting"},
		{"from a group", "224.0.0.1", dstIP, "prerouting"},
		{"from everybody", "255.255.255.255", dstIP, "prerouting"},
		{"from everybody on a subnet", "10.91.1.255", dstIP, "prerouting"},
		{"from an address of this machine", gwDstIP, dstIP, "prerouting"},
		{"to a group that it is not in", srcIP, "239.1.2.3", "prerouting"},
		{"to all hosts", srcIP, "224.0.0.1", "prerouting"},
		{"to everybody on a subnet", srcIP, "10.91.2.255", "prerouting"},
	}
	l := newLab(t)
	l.install()
	d := l.udp(l.dst, dstIP, testPort)
	seen := ask(l)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			packet := addressed(tt.src, tt.dst)
			l.sendRaw(packet)
			if got, want := within(t, seen, tt.name), fmt.Sprintf("%s 0+%d", tt.hook, len(packet)); got != want {
				t.Errorf("queued at %q, want %q", got, want)
			}
			// What was let on is the kernel's affair: it may ask at INPUT once more.
			l.sendRaw(udpPacket(dstIP, nil, []byte("the one behind")))
			if !arrives(t, d, "the one behind", patience) {
				t.Fatal("the packet behind did not arrive")
			}
			for len(seen) > 0 {
				if got := <-seen; got[0] == 'p' {
					t.Errorf("queued once more, at %q", got)
				}
			}
		})
	}
}
