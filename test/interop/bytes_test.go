//go:build interop

package interop

import (
	"encoding/binary"
	"net/netip"

	"labelgate/internal/lab"
	"labelgate/test/interop/talk"
)

// The tests read headers by themselves, never with the code under test.

const (
	minHeader = 20
	cipsoType = 134
)

// header returns the length of an IPv4 header as its first byte says, and 0 when
// b is too short for it.
func header(b []byte) int {
	if len(b) < minHeader || b[0]>>4 != 4 {
		return 0
	}
	n := int(b[0]&15) * 4
	if n < minHeader || n > len(b) {
		return 0
	}
	return n
}

// label returns the CIPSO option of an IPv4 header, nil for none.
func label(b []byte) []byte {
	area := b[min(minHeader, header(b)):header(b)]
	for i := 0; i < len(area); {
		switch area[i] {
		case 0, 1:
			i++ // beyond the end of the list too: no label is to hide there
			continue
		}
		if i+1 >= len(area) || area[i+1] < 2 || i+int(area[i+1]) > len(area) {
			return nil
		}
		if area[i] == cipsoType {
			return area[i : i+int(area[i+1])]
		}
		i += int(area[i+1])
	}
	return nil
}

// doiOf returns the domain of interpretation of an option.
func doiOf(option []byte) uint32 {
	if len(option) < 6 {
		return 0
	}
	return binary.BigEndian.Uint32(option[2:])
}

// quoted returns the packet that an ICMP error reports, nil when b is none.
func quoted(b []byte) []byte {
	n := header(b)
	if n == 0 || b[9] != talk.ICMP.Number() || len(b) < n+8+minHeader {
		return nil
	}
	switch b[n] {
	case 3, 4, 5, 11, 12:
		return b[n+8:]
	}
	return nil
}

// labels counts the packets of a capture that hold a label: in their header, or
// in one that they quote.
func labels(c *lab.Capture) (n int) {
	for _, p := range c.Packets() {
		if ip := p.IPv4(); label(ip) != nil || label(clip(quoted(ip))) != nil {
			n++
		}
	}
	return n
}

// clip makes a header that may have been cut readable up to the cut.
func clip(b []byte) []byte {
	if len(b) < minHeader || int(b[0]&15)*4 <= len(b) {
		return b
	}
	cut := append([]byte(nil), b[:len(b)/4*4]...)
	cut[0] = 0x40 | byte(len(cut)/4)
	return cut
}

// source and destination return where an IPv4 packet comes from and goes to.
func source(b []byte) netip.Addr      { return netip.AddrFrom4([4]byte(b[12:16])) }
func destination(b []byte) netip.Addr { return netip.AddrFrom4([4]byte(b[16:20])) }

// number returns a port, or an echo's identifier.
func number(b []byte) uint16 { return binary.BigEndian.Uint16(b) }

func isAny([]byte) bool { return true }

func isLabeled(ip []byte) bool { return label(ip) != nil }

// segment returns the flags of a TCP segment and the length of what it carries;
// valid for one whose header is whole.
func segment(ip []byte) (flags byte, length int) {
	n := header(ip)
	return ip[n+13], int(binary.BigEndian.Uint16(ip[2:])) - n - int(ip[n+12]>>4)*4
}

// TCP flags (RFC 9293).
const (
	flagFIN = 0x01
	flagRST = 0x04
)
