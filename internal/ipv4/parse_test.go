package ipv4

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

func TestParseFields(t *testing.T) {
	p := makePacket(unhex(t, "01 94040000 860b00000003010500fa20"), 17, unhex(t, "0fa0 270f 000c 0000 61626364"))
	p[1] = 0xb8
	fixChecksum(p)
	v := mustParse(t, append(p, 0xee, 0xee, 0xee), Strict) // link padding
	want := View{
		Packet: p, HeaderLen: 36, TOS: 0xb8, TTL: 64, Proto: 17, ID: 0x1234, DontFragment: true,
		Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("198.51.100.2"),
		CIPSO: 25, CIPSOLen: 11, Others: RouterAlert, OthersLen: 4,
		Transport: 36, HasPorts: true, SrcPort: 4000, DstPort: 9999,
	}
	wantPacket(t, v.Packet, want.Packet)
	if cap(v.Packet) != len(p) {
		t.Error("the view can be extended into the link's padding")
	}
	got := *v
	got.end, got.sound, got.Packet, want.Packet = 0, false, nil, nil
	if !equalViews(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// equalViews compares all but the packet.
func equalViews(a, b View) bool {
	a.Packet, b.Packet = nil, nil
	type flat struct {
		hl, fo, c, cl, ol, tr int
		tos, ttl, pr, fl      uint8
		id, sp, dp            uint16
		df, mf, hp, hi        bool
		it, ic                uint8
		src, dst              netip.Addr
		others                OptionSet
	}
	f := func(v View) flat {
		return flat{v.HeaderLen, v.FragmentOffset, v.CIPSO, v.CIPSOLen, v.OthersLen, v.Transport,
			v.TOS, v.TTL, v.Proto, v.TCPFlags, v.ID, v.SrcPort, v.DstPort,
			v.DontFragment, v.MoreFragments, v.HasPorts, v.HasICMP, v.ICMPType, v.ICMPCode, v.Src, v.Dst, v.Others}
	}
	return f(a) == f(b)
}

func TestParseHeaderFaults(t *testing.T) {
	tests := []struct {
		name   string
		change func(p []byte) []byte
		strict FaultCode
		compat FaultCode
	}{
		{"sound", func(p []byte) []byte { return p }, NoFault, NoFault},
		{"empty", func(p []byte) []byte { return nil }, FaultShort, FaultShort},
		{"19 bytes", func(p []byte) []byte { return p[:19] }, FaultShort, FaultShort},
		{"version 6", func(p []byte) []byte { p[0] = 0x65; return p }, FaultVersion, FaultVersion},
		{"version 0", func(p []byte) []byte { p[0] = 0x05; return p }, FaultVersion, FaultVersion},
		{"IHL 4", func(p []byte) []byte { p[0] = 0x44; return p }, FaultHeaderLength, FaultHeaderLength},
		{"IHL 0", func(p []byte) []byte { p[0] = 0x40; return p }, FaultHeaderLength, FaultHeaderLength},
		{"IHL past the bytes", func(p []byte) []byte { p[0] = 0x4f; return p }, FaultHeaderLength, FaultHeaderLength},
		{"total below header", func(p []byte) []byte { p[3] = 19; return p }, FaultTotalLength, FaultTotalLength},
		{"total 0", func(p []byte) []byte { p[3] = 0; return p }, FaultTotalLength, FaultTotalLength},
		{"total past the bytes", func(p []byte) []byte { return p[:len(p)-1] }, FaultTotalLength, FaultTotalLength},
		{"checksum", func(p []byte) []byte { p[10]++; return p }, FaultChecksum, FaultChecksum},
		{"checksum zero", func(p []byte) []byte { p[10], p[11] = 0, 0; return p }, FaultChecksum, FaultChecksum},
		{"last possible fragment", func(p []byte) []byte { // 8184*8 + 20 + 12 + 20 = 65524
			p[6], p[7] = 0x1f, 0xf8
			fixChecksum(p)
			return p
		}, NoFault, NoFault},
		{"ping of death", func(p []byte) []byte {
			p[6], p[7] = 0x1f, 0xff
			fixChecksum(p)
			return p
		}, FaultFragmentRange, NoFault},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.change(makePacket(nil, 17, counting(32)))
			var v View
			if f := v.Parse(p, Strict); f != (Fault{Code: tt.strict}) {
				t.Errorf("strict: %v at %d, want %v", f.Code, f.Pointer, tt.strict)
			}
			if tt.strict != NoFault {
				if _, ok := v.Rewrite(make([]byte, 100), nil); ok {
					t.Error("rewritten in spite of the fault")
				}
				if _, ok := v.Blank(make([]byte, 100)); ok {
					t.Error("blanked in spite of the fault")
				}
			}
			if f := v.Parse(p, Compat); f != (Fault{Code: tt.compat}) {
				t.Errorf("compat: %v at %d, want %v", f.Code, f.Pointer, tt.compat)
			}
		})
	}
}

func TestParseOptions(t *testing.T) {
	const cipso = "860d00000003010700fa29b732"
	tests := []struct {
		name    string
		options string
		code    FaultCode
		pointer uint8
		cipso   int
		others  OptionSet
		length  int
	}{
		{"none", "", NoFault, 0, 0, 0, 0},
		{"only NOPs", "01010101", NoFault, 0, 0, 0, 0},
		{"CIPSO", cipso, NoFault, 0, 20, 0, 0},
		{"CIPSO at an odd place", "010101" + cipso, NoFault, 0, 23, 0, 0},
		{"CIPSO too short for itself is not ours to judge", "86020000", NoFault, 0, 20, 0, 0},
		{"40 bytes", "8628" + "00000003012200fa0000000000000000000000000000000000000000000000000000000000ff", NoFault, 0, 20, 0, 0},
		{"after the end", "00000000" + "00000000", NoFault, 0, 0, 0, 0},
		{"type without length", "01010186", FaultOptionLength, 23, 0, 0, 0},
		{"length 0", "86000000", FaultOptionLength, 20, 0, 0, 0},
		{"length 1", "01860100", FaultOptionLength, 21, 0, 0, 0},
		{"length past the header", "0101 820301 8204 55", FaultOptionLength, 25, 0, BSO, 3},
		{"length 255", "86ff0000", FaultOptionLength, 20, 0, 0, 0},
		{"fault behind CIPSO", cipso + "820001", FaultOptionLength, 33, 20, 0, 0},
		{"second CIPSO", cipso + "01" + cipso, FaultSecondCIPSO, 34, 20, 0, 0},
		{"second CIPSO, too short", cipso + "860200", FaultSecondCIPSO, 33, 20, 0, 0},
		{"second CIPSO past the header", cipso + "861000", FaultOptionLength, 33, 20, 0, 0},

		{"loose route", "8307040a090009 00", NoFault, 0, 0, LooseRoute, 7},
		{"strict route", "8907040a090009 00", NoFault, 0, 0, StrictRoute, 7},
		{"route without pointer", "8302 0000", FaultOptionMalformed, 21, 0, 0, 0},
		{"route pointer 3", "8307030a090009 00", FaultOptionMalformed, 22, 0, 0, 0},
		{"route pointer past the end", "8303ff 00", NoFault, 0, 0, LooseRoute, 3},
		{"two routes", "830304 890304 0000", FaultOptionMalformed, 23, 0, LooseRoute, 3},
		{"two routes, second short", "830304 8902 000000", FaultOptionMalformed, 24, 0, LooseRoute, 3},

		{"record route", "01 07070400000000", NoFault, 0, 0, RecordRoute, 7},
		{"record route full", "070708000000000000", NoFault, 0, 0, RecordRoute, 7},
		{"record route without pointer", "07020000", FaultOptionMalformed, 21, 0, 0, 0},
		{"record route pointer 3", "0707030000000000", FaultOptionMalformed, 22, 0, 0, 0},
		{"record route pointer without room", "0707050000000000", FaultOptionMalformed, 22, 0, 0, 0},
		{"record route pointer at the last byte", "0707070000000000", FaultOptionMalformed, 22, 0, 0, 0},
		{"two record routes", "070308 070308 0000", FaultOptionMalformed, 23, 0, RecordRoute, 3},
		{"two record routes, second short", "070308 0702 000000", FaultOptionMalformed, 23, 0, RecordRoute, 3},

		{"timestamp", "4408050000000000", NoFault, 0, 0, Timestamp, 8},
		{"timestamp too short", "44030500", FaultOptionMalformed, 21, 0, 0, 0},
		{"timestamp pointer 4", "4408040000000000", FaultOptionMalformed, 22, 0, 0, 0},
		{"timestamp pointer without room", "4408060000000000", FaultOptionMalformed, 22, 0, 0, 0},
		{"timestamp and address without room", "4408050100000000", FaultOptionMalformed, 22, 0, 0, 0},
		{"timestamp and address", "440c05010000000000000000", NoFault, 0, 0, Timestamp, 12},
		{"timestamp of listed without room", "4408050300000000", FaultOptionMalformed, 22, 0, 0, 0},
		{"timestamp of unknown format", "4408050900000000", NoFault, 0, 0, Timestamp, 8},
		{"timestamp full", "440809e000000000", NoFault, 0, 0, Timestamp, 8},
		{"timestamp count would wrap", "440809f000000000", FaultOptionMalformed, 23, 0, 0, 0},
		{"timestamp of listed does not count", "440809f300000000", NoFault, 0, 0, Timestamp, 8},
		{"two timestamps", "44040500 4402 0000", FaultOptionMalformed, 24, 0, Timestamp, 4},

		{"router alert", "94040000", NoFault, 0, 0, RouterAlert, 4},
		{"router alert of another value", "94040001", NoFault, 0, 0, RouterAlert, 4},
		{"router alert too short", "94030000", FaultOptionMalformed, 21, 0, 0, 0},
		{"stream id", "88040000", NoFault, 0, 0, StreamID, 4},
		{"BSO and ESO", "8204550085030500", NoFault, 0, 0, BSO | ESO, 7},
		{"unknown", "1e0200009e03ff00", NoFault, 0, 0, OtherOption, 2},
		{"two unknown", "1e029e03ff000000", NoFault, 0, 0, OtherOption, 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := makePacket(unhex(t, tt.options), 17, counting(12))
			for _, s := range []Strictness{Compat, Strict} {
				if s == Strict && tt.name == "unknown" {
					continue // it has an option behind the end
				}
				var v View
				if f := v.Parse(p, s); f != (Fault{tt.code, tt.pointer}) {
					t.Errorf("%v at %d, want %v at %d", f.Code, f.Pointer, tt.code, tt.pointer)
				}
				if v.CIPSO != tt.cipso || v.Others != tt.others || v.OthersLen != tt.length {
					t.Errorf("CIPSO %d, others %b, %d bytes, want %d, %b, %d", v.CIPSO, v.Others, v.OthersLen, tt.cipso, tt.others, tt.length)
				}
				if len(v.Packet) != len(p) || !v.HasPorts {
					t.Error("an option fault hides the rest of the packet")
				}
				if _, ok := v.Rewrite(make([]byte, 200), nil); ok != (tt.code == NoFault) {
					t.Errorf("rewritten: %v", ok)
				}
			}
		})
	}
}

// A label behind the end of the list is invisible to Linux and wiped when it
// forwards, but not to whoever reads on.
func TestParseDataAfterEnd(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options string
		pointer uint8
	}{
		{"NOP behind the end", "00010000", 21},
		{"hidden CIPSO", "94040000 00000000 860d00000003010700fa29b732", 28},
		{"last byte", "860d00000003010700fa29b732 00 00 ff", 35},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := makePacket(unhex(t, tt.options), 17, counting(12))
			var v View
			if f := v.Parse(p, Strict); f != (Fault{FaultDataAfterEnd, tt.pointer}) {
				t.Errorf("%v at %d", f.Code, f.Pointer)
			}
			mustParse(t, p, Compat)
		})
	}
}

func TestParseTransport(t *testing.T) {
	tests := []struct {
		name       string
		proto      uint8
		flags      uint16 // flags and fragment offset of the header
		length     int    // of layer 4
		ports      bool
		icmp       bool
		transport  bool
		fragOffset int
	}{
		{"TCP", 6, 0x4000, 20, true, false, true, 0},
		{"TCP short", 6, 0x4000, 19, false, false, true, 0},
		{"TCP first fragment", 6, 0x2000, 24, true, false, true, 0},
		{"TCP tiny first fragment", 6, 0x2000, 8, false, false, true, 0},
		{"TCP second fragment", 6, 0x2001, 40, false, false, false, 8},
		{"TCP last fragment", 6, 0x0003, 40, false, false, false, 24},
		{"UDP", 17, 0, 8, true, false, true, 0},
		{"UDP short", 17, 0, 7, false, false, true, 0},
		{"UDP second fragment", 17, 0x00b9, 20, false, false, false, 1480},
		{"UDP-Lite", 136, 0, 8, true, false, true, 0},
		{"DCCP", 33, 0, 12, true, false, true, 0},
		{"DCCP short", 33, 0, 11, false, false, true, 0},
		{"SCTP", 132, 0, 12, true, false, true, 0},
		{"ICMP", 1, 0, 8, false, true, true, 0},
		{"ICMP short", 1, 0, 7, false, false, true, 0},
		{"ICMP second fragment", 1, 0x0001, 64, false, false, false, 8},
		{"GRE", 47, 0, 64, false, false, true, 0},
		{"nothing", 17, 0, 0, false, false, true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := makePacket(nil, tt.proto, counting(tt.length))
			binary.BigEndian.PutUint16(p[6:], tt.flags)
			fixChecksum(p)
			v := mustParse(t, p, Strict)
			if v.HasPorts != tt.ports || v.HasICMP != tt.icmp || (v.Transport == 20) != tt.transport || v.FragmentOffset != tt.fragOffset {
				t.Errorf("ports %v, ICMP %v, transport %d, offset %d", v.HasPorts, v.HasICMP, v.Transport, v.FragmentOffset)
			}
			if tt.ports && (v.SrcPort != 0xd0d1 || v.DstPort != 0xd2d3) || !tt.ports && (v.SrcPort|v.DstPort) != 0 {
				t.Errorf("ports %#x %#x", v.SrcPort, v.DstPort)
			}
			if flags := v.TCPFlags; tt.ports && tt.proto == 6 && flags != 0xdd || (!tt.ports || tt.proto != 6) && flags != 0 {
				t.Errorf("flags %#x", flags)
			}
			if tt.icmp && (v.ICMPType != 0xd0 || v.ICMPCode != 0xd1) {
				t.Errorf("ICMP %d/%d", v.ICMPType, v.ICMPCode)
			}
		})
	}
}

// A view that is used again must not remember the packet before.
func TestParseForgets(t *testing.T) {
	var v View
	if f := v.Parse(makePacket(cipsoOption(12), 6, counting(40)), Strict); f.Code != NoFault {
		t.Fatal(f)
	}
	v.Parse(nil, Strict)
	if !equalViews(v, View{}) || v.Packet != nil || v.sound {
		t.Errorf("left over: %+v", v)
	}
}

func TestFaultNames(t *testing.T) {
	seen := map[string]bool{}
	for c := range faultCodes {
		if s := c.String(); s == "" || s == "unknown" || seen[s] {
			t.Errorf("fault %d has the name %q", c, s)
		} else {
			seen[s] = true
		}
	}
	if s := FaultCode(255).String(); s != "unknown" {
		t.Errorf("fault 255 is %q", s)
	}
}
