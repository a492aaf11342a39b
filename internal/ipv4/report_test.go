package ipv4

import (
	"bytes"
	"net/netip"
	"testing"
)

// message returns an ICMP error of the given first eight bytes (the checksum is set
// here) that quotes q.
func message(t testing.TB, head string, q []byte) []byte {
	t.Helper()
	m := append(unhex(t, head), q...)
	fixICMPChecksum(m)
	return makePacket(nil, 1, m)
}

func fixICMPChecksum(m []byte) {
	m[2], m[3] = 0, 0
	c := naiveChecksum(m)
	m[2], m[3] = byte(c>>8), byte(c)
}

// change returns a packet with some bytes of its header changed, the checksum right.
func change(p []byte, changes ...byte) []byte {
	p = bytes.Clone(p)
	for i := 0; i < len(changes); i += 2 {
		p[changes[i]] = changes[i+1]
	}
	fixChecksum(p)
	return p
}

func TestReport(t *testing.T) {
	src, dst := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.2")
	udp := makePacket(nil, 17, unhex(t, "0fa0 270f 000c 0000 61626364"))
	labeledTCP := makePacket(cipsoOption(14), 6, tcpSegment(2, nil, nil))
	echo := makePacket(nil, 1, unhex(t, "0800 0000 abcd 0001 61626364"))
	type test struct {
		name   string
		packet []byte
		want   Report
		ok     bool
	}
	tests := []test{
		{"port unreachable", message(t, "0303 0000 0000 0000", udp),
			Report{Type: 3, Code: 3, QuoteLen: 32, Usable: true, Src: src, Dst: dst, Proto: 17, HasPorts: true, SrcPort: 4000, DstPort: 9999}, true},
		{"too big", message(t, "0304 0000 0000 05c8", labeledTCP),
			Report{Type: 3, Code: 4, MTU: 1480, QuoteLen: 56, Usable: true, Src: src, Dst: dst, Proto: 6, HasPorts: true, SrcPort: 50000, DstPort: 80}, true},
		{"no MTU but in 3/4", message(t, "0301 0000 0000 05c8", nil), Report{Type: 3, Code: 1}, true},
		{"MTU of 11/4", message(t, "0b04 0000 0000 05c8", nil), Report{Type: 11, Code: 4}, true},
		{"source quench", message(t, "0400 0000 0000 0000", udp[:27]),
			Report{Type: 4, QuoteLen: 27, Usable: true, Src: src, Dst: dst, Proto: 17, HasPorts: true, SrcPort: 4000, DstPort: 9999}, true},
		{"redirect, four bytes of ports", message(t, "0501 0000 0a00 0001", udp[:24]),
			Report{Type: 5, Code: 1, QuoteLen: 24, Usable: true, Src: src, Dst: dst, Proto: 17, HasPorts: true, SrcPort: 4000, DstPort: 9999}, true},
		{"time exceeded, three bytes of ports", message(t, "0b00 0000 0000 0000", udp[:23]),
			Report{Type: 11, QuoteLen: 23, Usable: true, Src: src, Dst: dst, Proto: 17}, true},
		{"parameter problem, a header only", message(t, "0c00 0000 1600 0000", labeledTCP[:36]),
			Report{Type: 12, QuoteLen: 36, Usable: true, Src: src, Dst: dst, Proto: 6}, true},
		{"a ping", message(t, "0303 0000 0000 0000", echo),
			Report{Type: 3, Code: 3, QuoteLen: 32, Usable: true, Src: src, Dst: dst, Proto: 1, HasQuery: true, ICMPType: 8, ICMPID: 0xabcd}, true},
		{"a ping without its identifier", message(t, "0303 0000 0000 0000", echo[:25]),
			Report{Type: 3, Code: 3, QuoteLen: 25, Usable: true, Src: src, Dst: dst, Proto: 1}, true},
		{"router discovery", message(t, "0303 0000 0000 0000", makePacket(nil, 1, unhex(t, "0a00 0000 0000 0000"))),
			Report{Type: 3, Code: 3, QuoteLen: 28, Usable: true, Src: src, Dst: dst, Proto: 1}, true},
		{"an error", message(t, "0303 0000 0000 0000", icmpError(11, udp)),
			Report{Type: 3, Code: 3, QuoteLen: 60, Usable: true, Src: src, Dst: dst, Proto: 1, QuotedError: true}, true},
		{"one byte of an error", message(t, "0303 0000 0000 0000", icmpError(11, udp)[:21]),
			Report{Type: 3, Code: 3, QuoteLen: 21, Usable: true, Src: src, Dst: dst, Proto: 1, QuotedError: true}, true},
		{"a later fragment", message(t, "0303 0000 0000 0000", change(udp, 6, 0x20, 7, 2)),
			Report{Type: 3, Code: 3, QuoteLen: 32, Usable: true, Src: src, Dst: dst, Proto: 17, FragmentOffset: 16}, true},
		{"a later fragment of ICMP", message(t, "0303 0000 0000 0000", change(echo, 7, 2)),
			Report{Type: 3, Code: 3, QuoteLen: 32, Usable: true, Src: src, Dst: dst, Proto: 1, FragmentOffset: 16}, true},
		{"ESP", message(t, "0303 0000 0000 0000", makePacket(nil, 50, counting(8))),
			Report{Type: 3, Code: 3, QuoteLen: 28, Usable: true, Src: src, Dst: dst, Proto: 50}, true},
		{"nothing", message(t, "0303 0000 0000 0000", nil), Report{Type: 3, Code: 3}, true},
		{"19 bytes", message(t, "0303 0000 0000 0000", udp[:19]), Report{Type: 3, Code: 3, QuoteLen: 19}, true},
		{"a cut header", message(t, "0303 0000 0000 0000", labeledTCP[:35]), Report{Type: 3, Code: 3, QuoteLen: 35}, true},
		{"version 6", message(t, "0303 0000 0000 0000", append([]byte{0x65}, udp[1:]...)), Report{Type: 3, Code: 3, QuoteLen: 32}, true},
		{"IHL 4", message(t, "0303 0000 0000 0000", append([]byte{0x44}, udp[1:]...)), Report{Type: 3, Code: 3, QuoteLen: 32}, true},
		{"first fragment", change(message(t, "0303 0000 0000 0000", udp), 6, 0x20),
			Report{Type: 3, Code: 3, QuoteLen: 32, Usable: true, Src: src, Dst: dst, Proto: 17, HasPorts: true, SrcPort: 4000, DstPort: 9999}, true},
		{"later fragment", change(message(t, "0303 0000 0000 0000", udp), 7, 1), Report{}, false},
		{"echo", message(t, "0800 0000 0000 0000", udp), Report{}, false},
		{"type 6", message(t, "0600 0000 0000 0000", udp), Report{}, false},
		{"UDP", makePacket(nil, 17, append(unhex(t, "0303 0000 0000 0000"), udp...)), Report{}, false},
		{"seven bytes", makePacket(nil, 1, unhex(t, "0303 fcfc 0000 00")), Report{}, false},
	}
	for _, p := range []uint8{33, 132, 136} {
		q := makePacket(nil, p, unhex(t, "0001 0002"))
		tests = append(tests, test{"ports", message(t, "0303 0000 0000 0000", q),
			Report{Type: 3, Code: 3, QuoteLen: 24, Usable: true, Src: src, Dst: dst, Proto: p, HasPorts: true, SrcPort: 1, DstPort: 2}, true})
	}
	for _, kind := range []uint8{0, 8, 13, 14, 15, 16, 17, 18} {
		q := makePacket(nil, 1, []byte{kind, 0, 0, 0, 0x12, 0x34})
		tests = append(tests, test{"query", message(t, "0303 0000 0000 0000", q),
			Report{Type: 3, Code: 3, QuoteLen: 26, Usable: true, Src: src, Dst: dst, Proto: 1, HasQuery: true, ICMPType: kind, ICMPID: 0x1234}, true})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := mustParse(t, tt.packet, Strict).Report()
			if ok != tt.ok || got != tt.want {
				t.Errorf("got  %+v, %v\nwant %+v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
	t.Run("fault", func(t *testing.T) {
		p := message(t, "0303 0000 0000 0000", udp)
		p[10] ^= 1
		var v View
		v.Parse(p, Strict)
		if r, ok := v.Report(); ok || r != (Report{}) {
			t.Errorf("read %+v from a packet with a wrong checksum", r)
		}
		p = change(makePacket([]byte{7, 0, 0, 0}, 1, p[20:]))
		v.Parse(p, Strict)
		if r, ok := v.Report(); ok || r != (Report{}) {
			t.Errorf("read %+v from a packet with a wrong option", r)
		}
	})
}
