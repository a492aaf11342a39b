package packets

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Numbers of protocols and ethertypes (IANA, IEEE).
const (
	protoICMP, protoTCP, protoUDP = 1, 6, 17
	etherIPv4, etherARP           = 0x0800, 0x0806
	minHeader                     = 20
)

// What an ICMP error can quote.
const (
	quoteSent     = "sent"     // the packet before it in the row, as it was sent
	quoteArrived  = "arrived"  // the same, as it arrived
	quoteStranger = "stranger" // a datagram that nobody sent
	quoteError    = "error"    // another ICMP error
)

// scene is where a packet is made.
type scene struct {
	row           int
	src, dst      netip.Addr // of the hosts
	sent, arrived []byte     // the row's packet before, nil for none
}

// build returns the packet, from its IP header on.
func (p *Packet) build(s scene) []byte {
	if p.src.IsValid() {
		s.src = p.src
	}
	if p.dst.IsValid() {
		s.dst = p.dst
	}
	options := append([]byte(nil), p.options...)
	options = append(options, make([]byte, -len(options)&3)...)
	n := minHeader + len(options)
	body := p.transport(s, n)
	if p.l4 >= 0 {
		body = body[:p.l4]
	}
	b := make([]byte, n, n+len(body))
	version, ihl, id, total := 4, n/4, 0x4c00+s.row, n+len(body)
	if p.version >= 0 {
		version = p.version
	}
	if p.ihl >= 0 {
		ihl = p.ihl
	}
	if p.id >= 0 {
		id = p.id
	}
	if lie, err := strconv.Atoi(p.total); err == nil && strings.ContainsAny(p.total, "+-") {
		total += lie
	} else if err == nil {
		total = lie
	}
	b[0], b[1] = byte(version<<4|ihl), p.tos
	binary.BigEndian.PutUint16(b[2:], uint16(total))
	binary.BigEndian.PutUint16(b[4:], uint16(id))
	binary.BigEndian.PutUint16(b[6:], uint16(p.at/8)|flag(p.evil, 0x8000)|flag(p.df, 0x4000)|flag(p.mf, 0x2000))
	b[8], b[9] = p.ttl, byte(p.proto)
	copy(b[12:], s.src.AsSlice())
	copy(b[16:], s.dst.AsSlice())
	copy(b[minHeader:], options)
	b = append(b, body...)
	// Over the header that it claims to have: one lie at a time.
	binary.BigEndian.PutUint16(b[10:], ^sum(b[:min(max(ihl*4, minHeader), len(b))]))
	if p.badSum {
		b[10] ^= 0x55
	}
	if p.cut >= 0 {
		b = b[:p.cut]
	}
	return append(b, p.pad...)
}

func flag(set bool, bit uint16) uint16 {
	if set {
		return bit
	}
	return 0
}

// transport returns what stands behind a header of n bytes.
func (p *Packet) transport(s scene, n int) []byte {
	if p.body != nil {
		return p.body
	}
	size := p.size
	fill := func(header int) []byte {
		if p.whole >= 0 {
			size = p.whole - n - header
		}
		// What a row says is not in its payload: nothing that could be taken for a label.
		text := fmt.Sprintf("row %d ", s.row)
		return []byte(strings.Repeat(text, size/len(text)+1)[:size])
	}
	sport := p.sport
	if sport < 0 {
		sport = 20000 + s.row
	}
	switch {
	case p.at > 0, p.proto != protoUDP && p.proto != protoTCP && p.proto != protoICMP:
		return fill(0)
	case p.proto == protoTCP:
		return p.segment(s, uint16(sport), fill)
	case p.proto == protoICMP:
		return p.message(s, uint16(sport), fill)
	}
	payload := fill(8)
	b := binary.BigEndian.AppendUint16(nil, uint16(sport))
	b = binary.BigEndian.AppendUint16(b, uint16(p.dport))
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...) // without a checksum, as RFC 768 allows
}

// segment returns a TCP segment.
func (p *Packet) segment(s scene, sport uint16, fill func(int) []byte) []byte {
	b := make([]byte, 20)
	binary.BigEndian.PutUint16(b, sport)
	binary.BigEndian.PutUint16(b[2:], uint16(p.dport))
	binary.BigEndian.PutUint32(b[4:], 1)
	for name, bit := range map[string]byte{"fin": 1, "syn": 2, "rst": 4, "ack": 16, "urg": 32} {
		if strings.Contains(p.tcp, name) {
			b[13] |= bit
		}
	}
	if p.mss > 0 {
		b = binary.BigEndian.AppendUint16(append(b, 2, 4), uint16(p.mss))
	}
	b[12] = byte(len(b) / 4 << 4)
	b = append(b, fill(len(b))...)
	src, dst := s.src.As4(), s.dst.As4()
	pseudo := append(append(src[:], dst[:]...), 0, protoTCP)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(b)))
	binary.BigEndian.PutUint16(b[16:], ^sum(append(pseudo, b...)))
	return b
}

// message returns an ICMP message.
func (p *Packet) message(s scene, id uint16, fill func(int) []byte) []byte {
	b := []byte{p.icmp[0], p.icmp[1], 0, 0, byte(id >> 8), byte(id), 0, 1}
	quoted := s.quoted(p.quote)
	if p.keep >= 0 {
		quoted = quoted[:p.keep]
	}
	switch {
	case p.quote != "":
		copy(b[4:], []byte{0, 0, 0, 0})
		b = append(b, quoted...)
	default:
		b = append(b, fill(len(b))...)
	}
	copy(b[4:], p.word)
	binary.BigEndian.PutUint16(b[2:], ^sum(b))
	if p.badICMP {
		b[2] ^= 0x55
	}
	return b
}

// quoted returns what an ICMP error quotes. It reports to its receiver what that
// had sent: the addresses are the other way round.
func (s scene) quoted(what string) []byte {
	back := scene{row: s.row, src: s.dst, dst: s.src}
	p := newPacket()
	switch what {
	case quoteSent:
		return s.sent
	case quoteArrived:
		return s.arrived
	case quoteStranger:
		p.sport, p.dport = 9, 9
		return p.build(back)
	case quoteError:
		p.proto, p.icmp, p.quote = protoICMP, []uint8{3, 3}, quoteStranger
		return p.build(back)
	}
	return nil
}

// sum is the one's complement sum of RFC 1071; over bytes whose checksum is right it
// is 0xffff.
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

// frame returns what is put on the cable behind the two hardware addresses. mac is
// the sender's.
func (p *Packet) behindAddresses(s scene, mac [6]byte) (frame, packet []byte) {
	ether := p.ether
	switch {
	case p.arp.IsValid():
		// RFC 826: who has that address?
		ether = etherARP
		packet = append([]byte{0, 1, 8, 0, 6, 4, 0, 1}, mac[:]...)
		packet = append(append(packet, s.src.AsSlice()...), make([]byte, 6)...)
		packet = append(packet, p.arp.AsSlice()...)
	case p.frame != nil:
		packet = p.frame
	default:
		packet = p.build(s)
	}
	frame = append(frame, p.tags...)
	frame = binary.BigEndian.AppendUint16(frame, uint16(ether))
	return append(append(frame, p.head...), packet...), packet
}
