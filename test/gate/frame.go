package gate

import (
	"encoding/binary"
	"net/netip"
)

// Numbers of protocols (IEEE 802.3, RFC 791) and of the CIPSO option.
const (
	EthernetIPv4 = 0x0800
	EthernetIPv6 = 0x86dd

	protocolUDP = 17
	typeCIPSO   = 0x86

	ethernetLen = 14
	ipv4Len     = 20
	ipv6Len     = 40
	udpLen      = 8
)

// IPv4 is a packet to be built. Its checksum and lengths are made right.
type IPv4 struct {
	Src, Dst netip.Addr
	ID       uint16
	// Fragment is the field with flags and offset, as on the wire.
	Fragment uint16
	TTL      uint8  // 64 when 0
	Options  []byte // padded with zeroes to whole words
	Body     []byte
}

// Bytes returns the packet.
func (p *IPv4) Bytes() []byte {
	n := ipv4Len + len(Padded(p.Options))
	b := make([]byte, n, n+len(p.Body))
	b[0] = 0x40 | byte(n/4)
	binary.BigEndian.PutUint16(b[2:], uint16(n+len(p.Body)))
	binary.BigEndian.PutUint16(b[4:], p.ID)
	binary.BigEndian.PutUint16(b[6:], p.Fragment)
	b[8], b[9] = p.TTL, protocolUDP
	if p.TTL == 0 {
		b[8] = 64
	}
	copy(b[12:], p.Src.AsSlice())
	copy(b[16:], p.Dst.AsSlice())
	copy(b[ipv4Len:], p.Options)
	SetChecksum(b)
	return append(b, p.Body...)
}

// Padded returns options as they stand in a header: in whole words.
func Padded(options []byte) []byte {
	return append(options[:len(options):len(options)], make([]byte, -len(options)&3)...)
}

// SetChecksum makes the checksum of the IPv4 header at the start of b right.
func SetChecksum(b []byte) {
	b[10], b[11] = 0, 0
	binary.BigEndian.PutUint16(b[10:], ^sum(b[:headerLen(b)]))
}

// headerLen is the length of an IPv4 header as its first byte says, 0 when b is no
// packet that holds it.
func headerLen(b []byte) int {
	if len(b) < ipv4Len || b[0]>>4 != 4 {
		return 0
	}
	if n := int(b[0]&15) * 4; n >= ipv4Len && n <= len(b) {
		return n
	}
	return 0
}

// sum is the one's complement sum of RFC 1071 over an even number of bytes; over a
// header whose checksum is right it is 0xffff.
func sum(b []byte) uint16 {
	var s uint32
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for s>>16 != 0 {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// UDP returns a datagram without a checksum, which IPv4 allows (RFC 768). Its
// header may claim more than is there: the rest comes in another fragment.
func UDP(src, dst uint16, claimed int, payload []byte) []byte {
	b := make([]byte, udpLen, udpLen+len(payload))
	binary.BigEndian.PutUint16(b, src)
	binary.BigEndian.PutUint16(b[2:], dst)
	binary.BigEndian.PutUint16(b[4:], uint16(udpLen+claimed))
	return append(b, payload...)
}

// IPv6 returns a packet with a UDP datagram in it (RFC 8200).
func IPv6(src, dst netip.Addr, body []byte) []byte {
	b := make([]byte, ipv6Len, ipv6Len+len(body))
	b[0], b[6], b[7] = 0x60, protocolUDP, 64
	binary.BigEndian.PutUint16(b[4:], uint16(len(body)))
	copy(b[8:], src.AsSlice())
	copy(b[24:], dst.AsSlice())
	return append(b, body...)
}
