package capture

import (
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An IPv4 packet, as far as the link layer looks at it.
const ip = "45000014 00000000 40110000 0a000001 0a000002"

func TestDissect(t *testing.T) {
	const macs = "020000000002 020000000001"
	tests := []struct {
		name   string
		link   LinkType
		data   string
		header int // bytes before the IPv4 packet, -1 when there is none
		ether  uint16
		source string
		vlan   uint16
		index  uint32
		dir    Direction
	}{
		{"ethernet", LinkEthernet, macs + "0800" + ip, 14, 0x0800, "02:00:00:00:00:01", 0, 0, 0},
		{"ethernet IPv6", LinkEthernet, macs + "86dd" + "60000000", -1, 0x86dd, "02:00:00:00:00:01", 0, 0, 0},
		{"ethernet ARP", LinkEthernet, macs + "0806" + "0001", -1, 0x0806, "02:00:00:00:00:01", 0, 0, 0},
		{"ethernet 802.3 length", LinkEthernet, macs + "0020" + ip, -1, 0x20, "02:00:00:00:00:01", 0, 0, 0},
		{"one tag", LinkEthernet, macs + "8100 6064 0800" + ip, 18, 0x0800, "02:00:00:00:00:01", 100, 0, 0},
		{"one service tag", LinkEthernet, macs + "88a8 0fff 0800" + ip, 18, 0x0800, "02:00:00:00:00:01", 4095, 0, 0},
		{"two tags", LinkEthernet, macs + "8100 0064 8100 0065 0800" + ip, -1, 0x8100, "02:00:00:00:00:01", 100, 0, 0},
		{"cut in the tag", LinkEthernet, macs + "8100 0064", -1, 0x8100, "02:00:00:00:00:01", 0, 0, 0},
		{"ethernet too short", LinkEthernet, macs + "08", -1, 0, "", 0, 0, 0},
		{"raw", LinkRaw, ip, 0, 0x0800, "", 0, 0, 0},
		{"raw 12", LinkRawBSD, ip, 0, 0x0800, "", 0, 0, 0},
		{"raw IPv6", LinkRaw, "60000000", -1, 0x86dd, "", 0, 0, 0},
		{"raw nonsense", LinkRaw, "10", -1, 0, "", 0, 0, 0},
		{"raw empty", LinkRaw, "", -1, 0, "", 0, 0, 0},
		{"IPv4", LinkIPv4, ip, 0, 0x0800, "", 0, 0, 0},
		{"IPv6", LinkIPv6, "60000000", -1, 0x86dd, "", 0, 0, 0},
		{"cooked in", LinkSLL, "0000 0001 0006 020000000001 0000 0800" + ip, 16, 0x0800, "02:00:00:00:00:01", 0, 0, Inbound},
		{"cooked out", LinkSLL, "0004 0001 0006 020000000001 0000 0800" + ip, 16, 0x0800, "02:00:00:00:00:01", 0, 0, Outbound},
		{"cooked tun", LinkSLL, "0000 fffe 0000 0000000000000000 0800" + ip, 16, 0x0800, "", 0, 0, Inbound},
		{"cooked tag", LinkSLL, "0000 0001 0006 020000000001 0000 8100 0007 0800" + ip, 20, 0x0800, "02:00:00:00:00:01", 7, 0, Inbound},
		{"cooked short", LinkSLL, "0000 0001 0006 020000000001 0000 08", -1, 0, "", 0, 0, 0},
		{"cooked 2 out", LinkSLL2, "0800 0000 00000003 0001 04 06 020000000001 0000" + ip, 20, 0x0800, "02:00:00:00:00:01", 0, 3, Outbound},
		{"cooked 2 in", LinkSLL2, "0800 0000 00000007 0304 00 06 000000000000 0000" + ip, 20, 0x0800, "00:00:00:00:00:00", 0, 7, Inbound},
		{"cooked 2 short", LinkSLL2, "0800 0000 00000003 0001 04 06 020000000001 00", -1, 0, "", 0, 0, 0},
		{"null, little-endian", LinkNull, "02000000" + ip, 4, 0x0800, "", 0, 0, 0},
		{"null, big-endian", LinkNull, "00000002" + ip, 4, 0x0800, "", 0, 0, 0},
		{"loop", LinkLoop, "00000002" + ip, 4, 0x0800, "", 0, 0, 0},
		{"null, another family", LinkNull, "07000000" + ip, -1, 0, "", 0, 0, 0},
		{"null IPv6", LinkNull, "1e000000" + "60000000", -1, 0x86dd, "", 0, 0, 0},
		{"null short", LinkNull, "02000000", -1, 0, "", 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := Frame{LinkType: tt.link, Data: unhex(t, tt.data)}
			if !f.dissect() {
				t.Fatal("not supported")
			}
			source := ""
			if f.Source != nil {
				source = f.Source.String()
			}
			if f.EtherType != tt.ether || source != tt.source || f.VLAN != tt.vlan || f.IfIndex != tt.index || f.Direction != tt.dir {
				t.Errorf("ethertype %#x, source %s, VLAN %d, interface %d, direction %d", f.EtherType, source, f.VLAN, f.IfIndex, f.Direction)
			}
			if tt.header < 0 {
				if f.IPv4 != nil {
					t.Errorf("IPv4: % x", f.IPv4)
				}
				return
			}
			if len(f.Header) != tt.header || hex.EncodeToString(f.IPv4) != strings.ReplaceAll(ip, " ", "") {
				t.Errorf("header of %d, IPv4 % x", len(f.Header), f.IPv4)
			}
			if len(f.Data) != len(f.Header)+len(f.IPv4) {
				t.Error("header and packet do not add up")
			}
		})
	}
	f := Frame{LinkType: 105, Data: make([]byte, 40)}
	if f.dissect() {
		t.Error("802.11 is supported?")
	}
}

func TestLinkTypeNames(t *testing.T) {
	for l, want := range map[LinkType]string{LinkEthernet: "EN10MB", LinkRaw: "RAW", LinkRawBSD: "RAW", LinkSLL2: "LINUX_SLL2", 105: "105"} {
		if got := l.String(); got != want {
			t.Errorf("%d is %q, want %q", uint16(l), got, want)
		}
	}
}
