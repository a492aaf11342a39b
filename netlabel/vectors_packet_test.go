package netlabel_test

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
)

// Protocol numbers.
const (
	icmp = 1
	tcp  = 6
	udp  = 17
)

// sent describes a packet as the recordings do.
type sent struct {
	src, dst netip.Addr
	options  []byte // whole option area
	proto    uint8
	flags    uint8  // TCP
	fragment uint16 // more-fragments bit and offset in units of 8 bytes
}

// bytes builds the packet. There is enough behind the header for any option to
// be taken out of it.
func (s *sent) bytes() []byte {
	options := append([]byte(nil), s.options...)
	for len(options)%4 != 0 {
		options = append(options, 0)
	}
	hl := 20 + len(options)
	p := make([]byte, hl, hl+64)
	p[0] = 0x40 | byte(hl/4)
	binary.BigEndian.PutUint16(p[4:], 0x1234)
	binary.BigEndian.PutUint16(p[6:], s.fragment)
	p[8], p[9] = 64, s.proto
	src, dst := s.src.As4(), s.dst.As4()
	copy(p[12:], src[:])
	copy(p[16:], dst[:])
	copy(p[20:], options)
	payload := make([]byte, 64)
	if s.fragment&0x1fff == 0 {
		binary.BigEndian.PutUint16(payload, 40000)
		binary.BigEndian.PutUint16(payload[2:], 9999)
		switch s.proto {
		case udp:
			binary.BigEndian.PutUint16(payload[4:], uint16(len(payload)))
		case tcp:
			payload[12], payload[13] = 6<<4, s.flags
			copy(payload[20:], []byte{2, 4, 5, 0xb4}) // segment size 1460
		case icmp:
			payload = append([]byte{8, 0}, payload[2:]...)
		}
	}
	p = append(p, payload...)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	binary.BigEndian.PutUint16(p[10:], checksum(p[:hl]))
	return p
}

// checksum is the Internet checksum, RFC 1071.
func checksum(b []byte) uint16 {
	var s uint32
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

// optionArea returns the option area of a packet in hex.
func optionArea(p []byte) string {
	return hex.EncodeToString(p[20 : int(p[0]&15)*4])
}
