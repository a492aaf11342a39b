package judge

import (
	"encoding/binary"
	"testing"

	"labelgate/internal/links"
	"labelgate/internal/mark"
	"labelgate/internal/queue"
	"labelgate/netlabel"
)

// TestReassembledIsNotTooBig: a packet that must not be fragmented and no longer fits
// with its option is refused, and its sender told what would fit (RFC 1191); but not
// one that the kernel will take apart as it put it together.
func TestReassembledIsNotTooBig(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
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

// TestTooBigAtOnce: what must not be fragmented and is too large even without an
// option is refused before the kernel would, with the same figure; what fits is left
// for where it leaves.
func TestTooBigAtOnce(t *testing.T) {
	const option = 16 // Pop's, padded
	tests := []struct {
		name       string
		size       int
		src, dst   string
		in         uint32
		translated bool
		reason     netlabel.Reason
		mtu        int
	}{
		{"too large", 1500, grayPop, red1, grayIf, false, netlabel.ReasonTooBig, 1400 - option},
		{"too large with its option", 1400 - option + 1, grayPop, red1, grayIf, false, netlabel.ReasonTooBig, 1400 - option},
		{"fits", 1400 - option, grayPop, red1, grayIf, false, 0, 0},
		{"too large, without labels", 1500, grayPop, grayNone, grayIf, false, netlabel.ReasonNoRule, 0},
		{"from another zone's address", 1500, red1, grayPop, grayIf, false, netlabel.ReasonSourceNotInZone, 0},
		{"where destinations are translated", 1500, grayPop, red1, grayIf, true, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := newDaemon(t, write(t, settings, rules, hosts))
			narrow := newLinks(
				links.Link{Index: redIf, Name: "red0", Zone: 1, MTU: 1400}, links.Link{Index: blueIf, Name: "blue0", Zone: 2, MTU: 1500},
				links.Link{Index: grayIf, Name: "gray0", Zone: 3, MTU: 1500},
			)
			narrow.egress = links.Egress{Out: redIf, MTU: 1400}
			d.move(narrow)
			d.Relink()
			d.live.translated.Store(tt.translated)
			p := packet(t, tt.src, tt.dst, "")
			p = append(p, make([]byte, tt.size-len(p))...)
			binary.BigEndian.PutUint16(p[2:], uint16(tt.size))
			binary.BigEndian.PutUint16(p[6:], 0x4000)
			binary.BigEndian.PutUint16(p[10:], 0)
			binary.BigEndian.PutUint16(p[10:], checksum(p[:20]))
			v, w := handle(t, d, queue.Packet{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: tt.in, Payload: p})
			if w.verdict.Reason != tt.reason || w.verdict.MTU != tt.mtu || v.Accept != (tt.reason == 0) {
				t.Fatalf("accept %v, %q, MTU %d", v.Accept, w.verdict.Reason, w.verdict.MTU)
			}
			if v.SetMark || v.Payload != nil {
				t.Errorf("mark %#x, %d bytes", v.Mark, len(v.Payload))
			}
		})
	}
}
