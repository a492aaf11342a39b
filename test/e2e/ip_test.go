package e2e

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// The tests build and read headers by themselves or with gopacket, never with
// the code under test.

// Numbers of protocols and options (RFC 791, RFC 792, CIPSO draft).
const (
	protoICMP, protoTCP, protoUDP = 1, 6, 17
	cipsoType                     = 0x86
	minHeader                     = 20
)

// header is an IPv4 packet to be made.
type header struct {
	src, dst netip.Addr
	proto    uint8
	ttl      uint8 // 64 when 0
	flags    uint16
	options  []byte // padded with zeroes as needed
	body     []byte
}

func (h header) bytes() []byte {
	n := minHeader + (len(h.options)+3)/4*4
	b := make([]byte, n, n+len(h.body))
	b[0] = 0x40 | byte(n/4)
	binary.BigEndian.PutUint16(b[2:], uint16(n+len(h.body)))
	binary.BigEndian.PutUint16(b[4:], 0x4c47)
	binary.BigEndian.PutUint16(b[6:], h.flags)
	b[8], b[9] = h.ttl, h.proto
	if h.ttl == 0 {
		b[8] = 64
	}
	copy(b[12:], h.src.AsSlice())
	copy(b[16:], h.dst.AsSlice())
	copy(b[minHeader:], h.options)
	binary.BigEndian.PutUint16(b[10:], ^sum(b))
	return append(b, h.body...)
}

// sum is the one's complement sum of RFC 1071; over a header whose checksum is
// right it is 0xffff.
func sum(b []byte) uint16 {
	var s uint32
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		s += uint32(b[len(b)-1]) << 8
	}
	for s>>16 != 0 {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// udp builds a datagram without a checksum, which IPv4 allows (RFC 768).
func udp(src, dst uint16, payload []byte) []byte {
	b := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(b, src)
	binary.BigEndian.PutUint16(b[2:], dst)
	binary.BigEndian.PutUint16(b[4:], uint16(8+len(payload)))
	return append(b, payload...)
}

// unhex reads hexadecimal digits with spaces anywhere.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// headerLen returns the length of an IPv4 header as its first byte says, 0 when
// b is too short for it.
func headerLen(b []byte) int {
	if len(b) < minHeader || b[0]>>4 != 4 {
		return 0
	}
	n := int(b[0]&15) * 4
	if n < minHeader || n > len(b) {
		return 0
	}
	return n
}

// optionArea returns what stands behind the fixed part of a header.
func optionArea(b []byte) []byte { return b[min(minHeader, headerLen(b)):headerLen(b)] }

// labelOptions counts the CIPSO options in a header, also where they are cut or
// hidden behind the end of the list: every place where an option can begin.
func labelOptions(b []byte) (n int) {
	if len(b) < minHeader || b[0]>>4 != 4 {
		return 0
	}
	area := b[minHeader:max(minHeader, min(len(b), int(b[0]&15)*4))]
	for i := 0; i < len(area); {
		switch area[i] {
		case cipsoType:
			n++
		case 0, 1:
			i++
			continue
		}
		if i+1 >= len(area) || area[i+1] < 2 {
			break
		}
		i += int(area[i+1])
	}
	return n
}

// quoted returns the packet that an ICMP error reports, nil when b is none.
func quoted(b []byte) []byte {
	n := headerLen(b)
	if n == 0 || b[9] != protoICMP || binary.BigEndian.Uint16(b[6:])&0x1fff != 0 || len(b) < n+8+minHeader {
		return nil
	}
	switch b[n] {
	case 3, 4, 5, 11, 12:
		return b[n+8:]
	}
	return nil
}

// wellFormed has gopacket read a packet, and holds checksum and lengths against
// the bytes.
func wellFormed(t *testing.T, b []byte) *layers.IPv4 {
	t.Helper()
	p := gopacket.NewPacket(b, layers.LayerTypeIPv4, gopacket.Default)
	if fail := p.ErrorLayer(); fail != nil {
		t.Fatalf("gopacket: %v in % x", fail.Error(), b)
	}
	ip, ok := p.NetworkLayer().(*layers.IPv4)
	if !ok {
		t.Fatalf("gopacket finds no IPv4 in % x", b)
	}
	n := headerLen(b)
	if int(ip.Length) != len(b) || int(ip.IHL)*4 != n {
		t.Errorf("total length %d, header %d; there are %d and %d bytes", ip.Length, ip.IHL*4, len(b), n)
	}
	if sum(b[:n]) != 0xffff {
		t.Errorf("header checksum is wrong: % x", b[:n])
	}
	return ip
}
