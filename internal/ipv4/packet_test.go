package ipv4

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// unhex decodes hex with spaces.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// makePacket builds a packet from 192.0.2.1 to 198.51.100.2. options is padded to
// a word with zero bytes.
func makePacket(options []byte, proto uint8, payload []byte) []byte {
	pad := -len(options) & 3
	hl := 20 + len(options) + pad
	p := make([]byte, 20, hl+len(payload))
	p[0] = 0x40 | byte(hl/4)
	binary.BigEndian.PutUint16(p[2:], uint16(hl+len(payload)))
	copy(p[4:], []byte{0x12, 0x34, 0x40, 0})
	p[8], p[9] = 64, proto
	copy(p[12:], []byte{192, 0, 2, 1, 198, 51, 100, 2})
	p = append(p, options...)
	p = append(p, make([]byte, pad)...)
	p = append(p, payload...)
	fixChecksum(p)
	return p
}

// fixChecksum sets the header checksum by the slow twin.
func fixChecksum(p []byte) {
	p[10], p[11] = 0, 0
	binary.BigEndian.PutUint16(p[10:], naiveChecksum(p[:int(p[0]&15)*4]))
}

// naiveChecksum is RFC 1071 as plainly as it can be written.
func naiveChecksum(b []byte) uint16 {
	var s uint32
	for i := range b {
		if i%2 == 0 {
			s += uint32(b[i]) << 8
		} else {
			s += uint32(b[i])
		}
		if s > 0xffff {
			s -= 0xffff
		}
	}
	return ^uint16(s)
}

// counting returns n bytes 0xd0, 0xd1, ... that are not found in headers here.
func counting(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 0xd0 + byte(i%32)
	}
	return b
}

// cipsoOption returns a CIPSO option of n bytes, for its length only.
func cipsoOption(n int) []byte {
	b := []byte{134, byte(n), 0, 0, 0, 3, 1, byte(n - 6), 0, 250}
	for len(b) < n {
		b = append(b, 0xa5)
	}
	return b[:n]
}

// splitOptions is the slow twin of the option walk: the options of a sound
// header one by one, NOPs included, without the end of the list.
func splitOptions(p []byte) (list [][]byte) {
	area := p[20 : int(p[0]&15)*4]
	for len(area) > 0 && area[0] != 0 {
		n := 1
		if area[0] != 1 {
			n = int(area[1])
		}
		list = append(list, area[:n])
		area = area[n:]
	}
	return list
}

// wantRewrite is the slow twin of Rewrite and Blank (for a nil option that the
// kernel forbids to remove). nil means that it must refuse.
func wantRewrite(p, option []byte) []byte {
	var area []byte
	area = append(area, option...)
	for _, o := range splitOptions(p) {
		if o[0] != 1 && o[0] != 134 {
			area = append(area, o...)
		}
	}
	hl := int(p[0]&15) * 4
	payload := p[hl:]
	for len(area)%4 != 0 {
		area = append(area, 0)
	}
	if len(area) > 40 || 20+len(area)+len(payload) > 65535 {
		return nil
	}
	if 20+len(area)+len(payload) < hl {
		if option == nil {
			return wantBlank(p)
		}
		for 20+len(area) < hl {
			area = append(area, 0)
		}
	}
	if offset := int(binary.BigEndian.Uint16(p[6:])&0x1fff) * 8; 20+len(area) > hl && offset+20+len(area)+len(payload) > 65535 {
		return nil
	}
	out := append(bytes.Clone(p[:20]), area...)
	out = append(out, payload...)
	out[0] = 0x40 | byte((20+len(area))/4)
	binary.BigEndian.PutUint16(out[2:], uint16(len(out)))
	fixChecksum(out)
	return out
}

func wantBlank(p []byte) []byte {
	hl := int(p[0]&15) * 4
	out := bytes.Clone(p)
	at := 20
	for _, o := range splitOptions(p) {
		if o[0] == 134 {
			for i := range o {
				out[at+i] = 1
			}
		}
		at += len(o)
	}
	for ; at < hl; at++ {
		out[at] = 0
	}
	fixChecksum(out)
	return out
}

// checkIndependently has gopacket decode p and compares what it sees with v,
// which was parsed from p.
func checkIndependently(t testing.TB, p []byte, v *View) {
	t.Helper()
	for _, o := range splitOptions(p) {
		if len(o) == 2 {
			return // gopacket refuses options without data
		}
	}
	var ip layers.IPv4
	if err := ip.DecodeFromBytes(p, gopacket.NilDecodeFeedback); err != nil {
		t.Fatalf("gopacket: %v\n% x", err, p)
	}
	if int(ip.IHL)*4 != v.HeaderLen || int(ip.Length) != len(p) || ip.Id != v.ID || ip.TTL != v.TTL || ip.TOS != v.TOS ||
		uint8(ip.Protocol) != v.Proto || int(ip.FragOffset)*8 != v.FragmentOffset ||
		ip.Flags&layers.IPv4DontFragment != 0 != v.DontFragment || ip.Flags&layers.IPv4MoreFragments != 0 != v.MoreFragments {
		t.Fatalf("gopacket reads %+v, we read %+v", ip, v)
	}
	if !bytes.Equal(ip.SrcIP, v.Src.AsSlice()) || !bytes.Equal(ip.DstIP, v.Dst.AsSlice()) {
		t.Fatalf("gopacket reads %v to %v, we read %v to %v", ip.SrcIP, ip.DstIP, v.Src, v.Dst)
	}
	if !bytes.Equal(ip.Payload, v.Packet[v.HeaderLen:]) {
		t.Fatal("gopacket sees another payload")
	}
	cipso, others := 0, 0
	for _, o := range ip.Options {
		switch o.OptionType {
		case 0, 1:
		case 134:
			cipso += int(o.OptionLength)
			if !bytes.Equal(o.OptionData, v.Packet[v.CIPSO+2:v.CIPSO+v.CIPSOLen]) {
				t.Fatal("gopacket sees another CIPSO option")
			}
		default:
			others += int(o.OptionLength)
		}
	}
	if cipso != v.CIPSOLen || others != v.OthersLen {
		t.Fatalf("gopacket sees %d bytes of CIPSO and %d of others, we %d and %d", cipso, others, v.CIPSOLen, v.OthersLen)
	}
}

// mustParse parses a packet that must be sound, and has gopacket agree.
func mustParse(t testing.TB, p []byte, s Strictness) *View {
	t.Helper()
	v := new(View)
	if f := v.Parse(p, s); f != (Fault{}) {
		t.Fatalf("fault %v at %d in % x", f.Code, f.Pointer, p)
	}
	checkIndependently(t, v.Packet, v)
	return v
}

// wantPacket fails when got differs from want.
func wantPacket(t testing.TB, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("packet differs (-want +got):\n%s", cmp.Diff(hex.Dump(want), hex.Dump(got)))
	}
}

// icmpError returns a packet with an ICMP message of a type that quotes b, its
// checksums right.
func icmpError(kind byte, b []byte) []byte {
	m := append([]byte{kind, 3, 0, 0, 0, 0, 0, 0}, b...)
	binary.BigEndian.PutUint16(m[2:], naiveChecksum(m))
	return makePacket(nil, 1, m)
}
