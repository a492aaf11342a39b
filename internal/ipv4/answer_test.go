package ipv4

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

func TestAnswerable(t *testing.T) {
	addressed := func(src, dst string) []byte {
		p := makePacket(nil, 17, counting(12))
		copy(p[12:], netip.MustParseAddr(src).AsSlice())
		copy(p[16:], netip.MustParseAddr(dst).AsSlice())
		return change(p)
	}
	const host = "198.51.100.2"
	type test struct {
		name   string
		packet []byte
		want   bool
	}
	tests := []test{
		{"UDP", makePacket(nil, 17, counting(8)), true},
		{"TCP with a label", makePacket(cipsoOption(14), 6, tcpSegment(2, nil, nil)), true},
		{"too little UDP", makePacket(nil, 17, counting(3)), true},
		{"nothing but a header", makePacket(nil, 17, nil), true},
		{"first fragment", change(makePacket(nil, 17, counting(24)), 6, 0x20), true},
		{"later fragment", change(makePacket(nil, 17, counting(24)), 6, 0x20, 7, 1), false},
		{"last fragment", change(makePacket(nil, 17, counting(24)), 7, 1), false},
		{"late fragment", change(makePacket(nil, 17, counting(24)), 6, 0x1f, 7, 0), false},
		{"ICMP without a header", makePacket(nil, 1, []byte{8, 0, 0, 0}), false},

		{"source 0.0.0.0", addressed("0.0.0.0", host), false},
		{"source in network 0", addressed("0.1.2.3", host), false},
		{"source 1.0.0.0", addressed("1.0.0.0", host), true},
		{"source 126.255.255.255", addressed("126.255.255.255", host), true},
		{"source loopback", addressed("127.0.0.1", host), false},
		{"source end of loopback", addressed("127.255.255.255", host), false},
		{"source 128.0.0.0", addressed("128.0.0.0", host), true},
		{"source 223.255.255.255", addressed("223.255.255.255", host), true},
		{"source multicast", addressed("224.0.0.1", host), false},
		{"source end of multicast", addressed("239.255.255.255", host), false},
		{"source class E", addressed("240.0.0.1", host), false},
		{"source broadcast", addressed("255.255.255.255", host), false},

		{"destination multicast", addressed(host, "224.0.0.1"), false},
		{"destination end of multicast", addressed(host, "239.255.255.255"), false},
		{"destination before multicast", addressed(host, "223.255.255.255"), true},
		{"destination class E", addressed(host, "240.0.0.1"), true},
		{"destination broadcast", addressed(host, "255.255.255.255"), false},
		{"destination old broadcast", addressed(host, "0.0.0.0"), false},
	}
	for kind := range 256 {
		query := bytes.IndexByte([]byte{0, 8, 13, 14, 15, 16, 17, 18}, byte(kind)) >= 0
		tests = append(tests, test{fmt.Sprintf("ICMP type %d", kind), makePacket(nil, 1, append([]byte{byte(kind)}, make([]byte, 7)...)), query})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := mustParse(t, tt.packet, Strict).Answerable(); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// A parameter problem is about a fault; but not about one that makes the source
// address worthless.
func TestAnswerableFaults(t *testing.T) {
	good := makePacket(cipsoOption(16), 17, counting(12))
	wrongSum := bytes.Clone(good)
	wrongSum[10] ^= 1
	tests := []struct {
		name   string
		packet []byte
		want   bool
	}{
		{"option length", change(good, 21, 0), true},
		{"second label", makePacket(append(cipsoOption(16), cipsoOption(16)...), 17, counting(12)), true},
		{"malformed option", change(good, 20, 7, 22, 1), true},
		{"data after the end", change(good, 20, 0), true},
		{"malformed option of an ICMP error", change(makePacket([]byte{7, 3, 1, 0}, 1, make([]byte, 8)), 24, 3), false},
		{"fragment range", change(makePacket(nil, 17, counting(24)), 6, 0x1f, 7, 0xff), false},
		{"checksum", wrongSum, false},
		{"header length", change(good[:40], 0, 0x44), false},
		{"total length", change(good, 3, 255), false},
		{"version", append([]byte{0x65}, good[1:]...), false},
		{"short", good[:19], false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var v View
			if v.Parse(tt.packet, Strict).Code == NoFault {
				t.Fatal("no fault")
			}
			if got := v.Answerable(); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
	if new(View).Answerable() {
		t.Error("nothing can be answered")
	}
}

func TestAppendError(t *testing.T) {
	small := makePacket(cipsoOption(14), 17, counting(12))
	large := makePacket(cipsoOption(14), 17, counting(1400))
	tests := []struct {
		name string
		e    Error
		head string
		want []byte // quoted
	}{
		{"administratively prohibited", Error{Type: 3, Code: 10, Quoted: small}, "030a 0000 0000 0000", small},
		{"too big", Error{Type: 3, Code: 4, MTU: 1480, Quoted: small}, "0304 0000 0000 05c8", small},
		{"MTU elsewhere", Error{Type: 3, Code: 9, MTU: 1480, Quoted: small}, "0309 0000 0000 0000", small},
		{"MTU of type 11", Error{Type: 11, Code: 4, MTU: 1480, Quoted: small}, "0b04 0000 0000 0000", small},
		{"parameter problem", Error{Type: 12, Pointer: 22, Quoted: small}, "0c00 0000 1600 0000", small},
		{"option missing", Error{Type: 12, Code: 1, Pointer: 134, Quoted: small}, "0c01 0000 8600 0000", small},
		{"pointer elsewhere", Error{Type: 11, Pointer: 22, Quoted: small}, "0b00 0000 0000 0000", small},
		{"behind the total length", Error{Type: 3, Quoted: append(bytes.Clone(small), counting(9)...)}, "0300 0000 0000 0000", small},
		{"cut already", Error{Type: 3, Quoted: small[:30]}, "0300 0000 0000 0000", small[:30]},
		{"large", Error{Type: 3, Quoted: large}, "0300 0000 0000 0000", large[:508]},
		{"large and cut", Error{Type: 3, Quoted: large[:507]}, "0300 0000 0000 0000", large[:507]},
		{"a few bytes", Error{Type: 3, Quoted: small[:5]}, "0300 0000 0000 0000", small[:5]},
		{"nothing", Error{Type: 3}, "0300 0000 0000 0000", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := append(unhex(t, tt.head), tt.want...)
			fixICMPChecksum(want)
			got := AppendError([]byte("before"), tt.e)
			if !bytes.HasPrefix(got, []byte("before")) {
				t.Fatal("what stood before is gone")
			}
			got = got[6:]
			wantPacket(t, got, want)
			if MaxHeaderLen+len(got) > 576 || naiveChecksum(got) != 0 {
				t.Error("length or checksum")
			}
			var m layers.ICMPv4
			if err := m.DecodeFromBytes(got, gopacket.NilDecodeFeedback); err != nil {
				t.Fatal(err)
			}
			if m.TypeCode != layers.CreateICMPv4TypeCode(tt.e.Type, tt.e.Code) || !bytes.Equal(m.Payload, tt.want) {
				t.Errorf("gopacket sees %v with % x", m.TypeCode, m.Payload)
			}
		})
	}
}

// What AppendError builds, Report reads.
func FuzzAppendError(f *testing.F) {
	f.Add(uint8(3), uint8(4), uint8(0), uint16(1480), makePacket(cipsoOption(14), 17, counting(12)))
	f.Add(uint8(12), uint8(0), uint8(22), uint16(0), makePacket(nil, 6, counting(600)))
	f.Fuzz(func(t *testing.T, kind, code, pointer uint8, mtu uint16, quoted []byte) {
		before := bytes.Clone(quoted)
		m := AppendError(nil, Error{kind, code, pointer, mtu, quoted})
		if !bytes.Equal(quoted, before) {
			t.Fatal("changed what it quotes")
		}
		if len(m) < 8 || len(m)+MaxHeaderLen > 576 || naiveChecksum(m) != 0 || !bytes.HasPrefix(quoted, m[8:]) {
			t.Fatalf("% x", m)
		}
		r, ok := mustParse(t, makePacket(nil, 1, m), Strict).Report()
		if ok != isError(kind) {
			t.Fatalf("ok %v", ok)
		}
		if !ok {
			return
		}
		if tooBig := kind == 3 && code == 4; r.Type != kind || r.Code != code || r.QuoteLen != len(m)-8 || tooBig && r.MTU != mtu || !tooBig && r.MTU != 0 {
			t.Fatalf("%+v", r)
		}
		var v View
		if v.Parse(quoted, Compat).Code == NoFault && (!r.Usable || r.Src != v.Src || r.Dst != v.Dst || r.Proto != v.Proto ||
			r.FragmentOffset != v.FragmentOffset || v.HasPorts && (!r.HasPorts || r.SrcPort != v.SrcPort || r.DstPort != v.DstPort)) {
			t.Fatalf("reported %+v of %+v", r, v)
		}
	})
}
