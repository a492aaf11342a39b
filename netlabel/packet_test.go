package netlabel

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

// packet builds an IPv4 packet with the given option area (hex, zero-padded to a
// word here) and layer-4 bytes.
func packet(t testing.TB, src, dst, options string, proto uint8, payload []byte) []byte {
	t.Helper()
	opt, err := hex.DecodeString(strings.ReplaceAll(options, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	for len(opt)%4 != 0 {
		opt = append(opt, 0)
	}
	p := make([]byte, 20, 60+len(payload))
	p[0] = 0x40 | byte(5+len(opt)/4)
	p[8], p[9] = 64, proto
	s, d := netip.MustParseAddr(src).As4(), netip.MustParseAddr(dst).As4()
	copy(p[12:], s[:])
	copy(p[16:], d[:])
	p = append(append(p, opt...), payload...)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	binary.BigEndian.PutUint16(p[10:], sum(p[:20+len(opt)]))
	return p
}

// sum is the Internet checksum, RFC 1071, as plainly as it can be written.
func sum(b []byte) uint16 {
	var s uint32
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

// udp is a UDP header and n bytes behind it.
func udp(n int) []byte {
	b := make([]byte, 8+n)
	binary.BigEndian.PutUint16(b[0:], 4000)
	binary.BigEndian.PutUint16(b[2:], 9999)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	return b
}

// options returns the option area of a packet in hex.
func options(p []byte) string {
	return hex.EncodeToString(p[20 : int(p[0]&15)*4])
}
