package explain

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"

	"labelgate/internal/ipv4"
)

// Protocols by the names that people type.
var protocols = map[string]uint8{"icmp": 1, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51, "sctp": 132}

// Protocol reads an IP protocol by name or number.
func Protocol(s string) (uint8, error) {
	if p, ok := protocols[s]; ok {
		return p, nil
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("protocol %q: want icmp, tcp, udp or a number from 0 to 255", s)
	}
	return uint8(n), nil
}

// ProtocolName is the name that Protocol reads, or the number.
func ProtocolName(p uint8) string {
	for name, n := range protocols {
		if n == p {
			return name
		}
	}
	return strconv.Itoa(int(p))
}

// Synthesize makes the packet that is asked about: an IPv4 header with the given
// option bytes, zero-padded to whole words, and an empty layer-4 header long
// enough that the kernel would let the option be taken out.
func Synthesize(src, dst netip.Addr, proto uint8, option []byte) ([]byte, error) {
	if !src.Is4() || !dst.Is4() {
		return nil, fmt.Errorf("only IPv4 can be labeled, not %s to %s", src, dst)
	}
	if len(option) > ipv4.MaxOptionsLen {
		return nil, fmt.Errorf("%d bytes of options, an IPv4 header holds %d", len(option), ipv4.MaxOptionsLen)
	}
	const transport = 40
	header := ipv4.MinHeaderLen + (len(option)+3)&^3
	p := make([]byte, header+transport)
	p[0] = 4<<4 | uint8(header/4)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	p[8], p[9] = 64, proto
	s, d := src.As4(), dst.As4()
	copy(p[12:], s[:])
	copy(p[16:], d[:])
	copy(p[ipv4.MinHeaderLen:], option)
	binary.BigEndian.PutUint16(p[10:], ipv4.Checksum(p[:header]))
	switch proto {
	case protocols["tcp"]:
		p[header+12] = 5 << 4 // no options
	case protocols["icmp"]:
		p[header] = 8 // echo request
	}
	return p, nil
}
