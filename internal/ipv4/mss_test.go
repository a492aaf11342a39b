package ipv4

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// tcpSegment returns a TCP header with options (padded with end-of-list) and
// data, its checksum right for the addresses of makePacket.
func tcpSegment(flags byte, options, data []byte) []byte {
	options = append(bytes.Clone(options), make([]byte, -len(options)&3)...)
	b := make([]byte, 20, 20+len(options)+len(data))
	copy(b, []byte{0xc3, 0x50, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8})
	b[12] = byte(5+len(options)/4) << 4
	b[13] = flags
	b[14], b[15] = 0xfa, 0xf0
	b = append(append(b, options...), data...)
	fixTCPChecksum(b)
	return b
}

func fixTCPChecksum(b []byte) {
	b[16], b[17] = 0, 0
	binary.BigEndian.PutUint16(b[16:], naiveTCPChecksum(b))
}

// naiveTCPChecksum is the checksum of RFC 9293 with the addresses of makePacket,
// 0 over a segment whose checksum is right.
func naiveTCPChecksum(b []byte) uint16 {
	pseudo := []byte{192, 0, 2, 1, 198, 51, 100, 2, 0, 6, byte(len(b) >> 8), byte(len(b))}
	return naiveChecksum(append(pseudo, b...))
}

func TestClampMSS(t *testing.T) {
	const syn, ack = 0x02, 0x10
	tests := []struct {
		name    string
		flags   byte
		options string
		mss     uint16
		want    string // "" unchanged
	}{
		{"lowered", syn, "020405b4", 1420, "0204058c"},
		{"SYN-ACK", syn | ack, "020405b4", 1420, "0204058c"},
		{"equal", syn, "0204058c", 1420, ""},
		{"lower already", syn, "02040218", 1420, ""},
		{"zero", syn, "02040000", 1420, ""},
		{"to zero", syn, "020405b4", 0, "02040000"},
		{"jumbo", syn, "0204ffff", 8960, "02042300"},
		{"Linux's options", syn, "020405b4 0402080a 11223344 00000000 01030307", 1420, "0204058c 0402080a 11223344 00000000 01030307"},
		{"behind others", syn, "0402 0101 030307 01 020405b4", 1420, "0402 0101 030307 01 0204058c"},
		{"odd offset", syn, "01 020405b4 0000 00", 1420, "01 0204058c 0000 00"},
		{"several", syn, "020405b4 02040218 01 020405b5 0000 00", 1420, "0204058c 02040218 01 0204058c 0000 00"},
		{"not behind the end", syn, "00 01 0101 020405b4", 1420, ""},
		{"lowered before the end only", syn, "020405b4 00 01 0101 020405b4", 1420, "0204058c 00 01 0101 020405b4"},
		{"unknown kinds", syn, "fd04dead fe0400ff 020405b4", 1420, "fd04dead fe0400ff 0204058c"},
		{"no SYN", ack, "020405b4", 1420, ""},
		{"no options", syn, "", 1420, ""},
		{"length 0", syn, "020405b4 0300 0000", 1420, ""},
		{"length 1", syn, "0301 0000 020405b4", 1420, ""},
		{"past the end", syn, "020405b4 0309 0101", 1420, ""},
		{"MSS past the end", syn, "01 01 02 04", 1420, ""},
		{"no length byte", syn, "020405b4 0101 0108", 1420, ""},
		{"MSS of length 3", syn, "020305 01 020405b4", 1420, ""},
		{"MSS of length 6", syn, "020605b4 05b4 0101", 1420, ""},
	}
	for _, tt := range tests {
		for _, ipOptions := range [][]byte{nil, cipsoOption(14)} {
			t.Run(fmt.Sprintf("%s/%d", tt.name, len(ipOptions)), func(t *testing.T) {
				p := makePacket(ipOptions, 6, tcpSegment(tt.flags, unhex(t, tt.options), []byte("data")))
				want := bytes.Clone(p)
				if tt.want != "" {
					want = makePacket(ipOptions, 6, tcpSegment(tt.flags, unhex(t, tt.want), []byte("data")))
				}
				if got := ClampMSS(p, tt.mss); got != (tt.want != "") {
					t.Errorf("changed: %v", got)
				}
				wantPacket(t, p, want)
				if ClampMSS(p, tt.mss) {
					t.Error("changed twice")
				}
			})
		}
	}
}

func TestMSS(t *testing.T) {
	const syn, ack = 0x02, 0x10
	tests := []struct {
		name    string
		flags   byte
		options string
		want    int // -1 for none
	}{
		{"one", syn, "020405b4", 1460},
		{"SYN-ACK", syn | ack, "020405b4", 1460},
		{"zero", syn, "02040000", 0},
		{"behind others", syn, "0402 0101 030307 01 020405b4", 1460},
		{"several", syn, "020405b4 02040218 01 020405b5 0000 00", 536},
		{"not behind the end", syn, "020405b4 00 01 0101 02040218", 1460},
		{"no SYN", ack, "020405b4", -1},
		{"no options", syn, "", -1},
		{"none", syn, "0402 0101", -1},
		{"past the end", syn, "020405b4 0309 0101", -1},
		{"MSS past the end", syn, "01 01 02 04", -1},
		{"MSS of length 3", syn, "020305 01 020405b4", -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := makePacket(cipsoOption(14), 6, tcpSegment(tt.flags, unhex(t, tt.options), []byte("data")))
			mss, ok := MSS(p)
			if ok != (tt.want >= 0) || ok && int(mss) != tt.want {
				t.Errorf("%d, %v", mss, ok)
			}
			p[6] |= 0x20
			if _, ok := MSS(p); ok {
				t.Error("of a fragment")
			}
		})
	}
}

func TestClampMSSLeavesAlone(t *testing.T) {
	tests := []struct {
		name   string
		change func(p []byte) []byte
	}{
		{"nothing", func([]byte) []byte { return nil }},
		{"one byte missing", func(p []byte) []byte { return p[:len(p)-1] }},
		{"version 6", func(p []byte) []byte { p[0] = 0x65; return p }},
		{"IHL 4", func(p []byte) []byte { p[0] = 0x44; return p }},
		{"IHL 15", func(p []byte) []byte { p[0] = 0x4f; return p }},
		{"UDP", func(p []byte) []byte { p[9] = 17; return p }},
		{"more fragments", func(p []byte) []byte { p[6] |= 0x20; return p }},
		{"later fragment", func(p []byte) []byte { p[7] = 1; return p }},
		{"total length 0", func(p []byte) []byte { p[2], p[3] = 0, 0; return p }},
		{"total length without TCP", func(p []byte) []byte { p[3] = 39; return p }},
		{"data offset 4", func(p []byte) []byte { p[32] = 0x40; return p }},
		{"data offset past the end", func(p []byte) []byte { p[32] = 0x70; return p }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.change(makePacket(nil, 6, tcpSegment(0x02, []byte{2, 4, 5, 0xb4}, nil)))
			want := bytes.Clone(p)
			if ClampMSS(p, 1420) {
				t.Error("changed")
			}
			wantPacket(t, p, want)
		})
	}
}

// The incremental checksum against the slow twin, with values that make it
// cross zero, at even and odd offsets, and with a checksum wrong before: it has
// to stay wrong by as much, or the gateway would vouch for damaged data.
func TestClampMSSChecksum(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 200_000 {
		options := append(bytes.Repeat([]byte{1}, i%4), 2, 4, byte(r.Uint32()), byte(r.Uint32()))
		data := make([]byte, r.IntN(6))
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		if i%3 == 0 {
			for j := range data {
				data[j] = 0xff
			}
		}
		seg := tcpSegment(0x02, options, data)
		seg[4], seg[5] = byte(r.Uint32()), byte(r.Uint32())
		fixTCPChecksum(seg)
		wrong := i%5 == 0
		if wrong {
			seg[16] ^= 0x5a
		}
		p := makePacket(nil, 6, seg)
		before := naiveTCPChecksum(p[20:])
		ClampMSS(p, uint16(r.Uint32()))
		if after := naiveTCPChecksum(p[20:]); after != before || !wrong && after != 0 {
			t.Fatalf("% x: off by %#x, was %#x", p, after, before)
		}
	}
}
