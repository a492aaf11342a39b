package explain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"labelgate/internal/ipv4"
)

// Protocols by the names that people type.
var protocols = map[string]uint8{
	"icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "udp": 17, "dccp": 33, "6in4": 41, "gre": 47, "esp": 50, "ah": 51, "sctp": 132, "udplite": 136,
}

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

// Question describes a packet that is asked about.
type Question struct {
	Src, Dst netip.Addr
	Proto    uint8
	Options  []byte // of IP, padded as needed
	Port     uint16 // destination port; of protocols that have ports

	ICMPType, ICMPCode uint8 // of ICMP; an echo request is 8 and 0
}

// Ask reads what a packet is asked to be: a protocol as Protocol does, or
// icmp:TYPE/CODE or icmp:TYPE; icmp alone is an echo request.
func (q *Question) Ask(s string) error {
	name, message, isMessage := strings.Cut(s, ":")
	proto, err := Protocol(name)
	if err != nil {
		return err
	}
	if q.Proto = proto; proto != protocols["icmp"] {
		if isMessage {
			return fmt.Errorf("protocol %q: only icmp has types", s)
		}
		return nil
	}
	if q.ICMPType = 8; !isMessage {
		return nil
	}
	kind, code, hasCode := strings.Cut(message, "/")
	if !hasCode {
		code = "0"
	}
	t, err1 := strconv.ParseUint(kind, 10, 8)
	c, err2 := strconv.ParseUint(code, 10, 8)
	if errors.Join(err1, err2) != nil {
		return fmt.Errorf("ICMP message %q: want TYPE/CODE, numbers from 0 to 255, as in icmp:3/4", message)
	}
	q.ICMPType, q.ICMPCode = uint8(t), uint8(c)
	return nil
}

// Synthesize makes a packet of a protocol; of ICMP it is an echo request.
func Synthesize(src, dst netip.Addr, proto uint8, option []byte) ([]byte, error) {
	return Question{Src: src, Dst: dst, Proto: proto, Options: option, ICMPType: 8}.Packet()
}

// transport is the length of a packet's layer-4 part: long enough that the kernel
// would let the option be taken out.
const transport = 40

// Packet makes the packet: an IPv4 header with the option bytes, zero-padded to
// whole words, and an empty layer-4 header. An ICMP error reports a datagram that its
// receiver sent to its sender. What hosts and routers of one link tell each other has
// the time to live that it must have, 1.
func (q Question) Packet() ([]byte, error) {
	if !q.Src.Is4() || !q.Dst.Is4() {
		return nil, fmt.Errorf("only IPv4 can be labeled, not %s to %s", q.Src, q.Dst)
	}
	if len(q.Options) > ipv4.MaxOptionsLen {
		return nil, fmt.Errorf("%d bytes of options, an IPv4 header holds %d", len(q.Options), ipv4.MaxOptionsLen)
	}
	l4 := make([]byte, transport)
	switch q.Proto {
	case protocols["icmp"]:
		q.message(l4)
	case protocols["tcp"]:
		binary.BigEndian.PutUint16(l4[2:], q.Port)
		l4[12] = 5 << 4 // no options
	case protocols["udp"], protocols["dccp"], protocols["sctp"], protocols["udplite"]:
		binary.BigEndian.PutUint16(l4[2:], q.Port)
	}
	return append(q.header(q.Options, len(l4)), l4...), nil
}

// header makes an IPv4 header in front of so many bytes.
func (q Question) header(options []byte, behind int) []byte {
	n := ipv4.MinHeaderLen + (len(options)+3)&^3
	h := make([]byte, n, n+behind)
	h[0] = 4<<4 | uint8(n/4)
	binary.BigEndian.PutUint16(h[2:], uint16(n+behind))
	h[8], h[9] = 64, q.Proto
	if q.Dst.IsMulticast() && (q.Proto == protocols["igmp"] || q.Proto == protocols["icmp"] && (q.ICMPType == 9 || q.ICMPType == 10)) {
		h[8] = 1
	}
	s, d := q.Src.As4(), q.Dst.As4()
	copy(h[12:], s[:])
	copy(h[16:], d[:])
	copy(h[ipv4.MinHeaderLen:], options)
	binary.BigEndian.PutUint16(h[10:], ipv4.Checksum(h[:n]))
	return h
}

// message writes an ICMP message.
func (q Question) message(m []byte) {
	m[0], m[1] = q.ICMPType, q.ICMPCode
	switch q.ICMPType {
	case 3, 4, 5, 11, 12: // errors (RFC 792)
		reported := Question{Src: q.Dst, Dst: q.Src, Proto: protocols["udp"]}
		copy(m[8:], reported.header(nil, len(m)-8-ipv4.MinHeaderLen))
	}
	binary.BigEndian.PutUint16(m[2:], ipv4.Checksum(m))
}
