package daemon

import (
	"encoding/binary"
	"testing"

	"labelgate/internal/mark"
	"labelgate/internal/queue"
	"labelgate/netlabel"
)

// TestReassembledIsNotTooBig: a packet that must not be fragmented and no longer fits
// with its option is refused, and its sender told what would fit (RFC 1191); but not
// one that the kernel will take apart as it put it together.
func TestReassembledIsNotTooBig(t *testing.T) {
	d, _, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	const option = 16 // Pop's, padded
	tests := []struct {
		name   string
		size   int
		flags  uint16
		reason netlabel.Reason
		mtu    int
	}{
		{"fits with its option", 1500 - option, 0x4000, 0, 0},
		{"does not fit with its option", 1500 - option + 1, 0x4000, netlabel.ReasonTooBig, 1500 - option},
		{"full size", 1500, 0x4000, netlabel.ReasonTooBig, 1500 - option},
		{"may be fragmented", 1500, 0, 0, 0},
		{"put together from fragments", 1501, 0x4000, 0, 0},
		{"put together from many fragments", 8000, 0x4000, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := packet(t, grayPop, red1, "")
			p = append(p, make([]byte, tt.size-len(p))...)
			binary.BigEndian.PutUint16(p[2:], uint16(tt.size))
			binary.BigEndian.PutUint16(p[6:], tt.flags)
			binary.BigEndian.PutUint16(p[10:], 0)
			binary.BigEndian.PutUint16(p[10:], checksum(p[:20]))
			v, w := handle(t, d, queue.Packet{Hook: queue.Forward, Protocol: ethertypeIPv4, In: grayIf, Out: redIf, Payload: p})
			if w.verdict.Reason != tt.reason || w.verdict.MTU != tt.mtu || v.Accept != (tt.reason == 0) {
				t.Fatalf("accept %v, %q, MTU %d", v.Accept, w.verdict.Reason, w.verdict.MTU)
			}
			if v.Accept && (v.Mark != uint32(mark.ForZone(1, 1)) || len(v.Payload) != tt.size+option) {
				t.Errorf("mark %#x, %d bytes", v.Mark, len(v.Payload))
			}
		})
	}
}
