package queue

import "encoding/binary"

// Sizes of what a message is made of (linux/netlink.h, linux/netfilter/nfnetlink.h).
const (
	nlHeaderLen   = 16 // struct nlmsghdr
	nfHeaderLen   = 4  // struct nfgenmsg
	attrHeaderLen = 4  // struct nlattr
	nlAlign       = 4
)

// Message types. Netfilter's hold the subsystem in the upper byte.
const (
	typeNoop         = 1
	typeError        = 2
	typeOverrun      = 4
	typePacket       = 3 << 8
	typeVerdict      = 3<<8 + 1
	typeConfig       = 3<<8 + 2
	typeVerdictBatch = 3<<8 + 3
)

// Attributes of a packet (linux/netfilter/nfnetlink_queue.h).
const (
	attrPacketHeader  = 1
	attrVerdictHeader = 2
	attrMark          = 3
	attrInDev         = 5
	attrOutDev        = 6
	attrPayload       = 10
	attrCapLen        = 13
	attrSkbInfo       = 14
	attrLastKnown     = 22 // NFQA_CGROUP_CLASSID

	// attrTypeMask takes away the flags for nesting and byte order.
	attrTypeMask = 0x3fff
)

// Bits of the skb information attribute.
const (
	skbChecksumNotReady = 1 << 0
	skbGSO              = 1 << 1
)

func align(n int) int { return (n + nlAlign - 1) &^ (nlAlign - 1) }

// message is one netlink message inside a datagram.
type message struct {
	kind uint16
	seq  uint32
	body []byte // after the header, without padding
}

// nextMessage cuts the first message off a datagram. It reports false when what
// is left cannot be a message, which is also so when nothing is left.
func nextMessage(b []byte) (m message, rest []byte, ok bool) {
	if len(b) < nlHeaderLen {
		return message{}, nil, false
	}
	n := binary.NativeEndian.Uint32(b)
	if n < nlHeaderLen || uint64(n) > uint64(len(b)) {
		return message{}, nil, false
	}
	m = message{
		kind: binary.NativeEndian.Uint16(b[4:]),
		seq:  binary.NativeEndian.Uint32(b[8:]),
		body: b[nlHeaderLen:n:n],
	}
	// The padding of a datagram's last message may be missing.
	return m, b[min(align(int(n)), len(b)):], true
}

// errorOf returns the errno of an error message, 0 for an acknowledgement, and
// the type of the message it is about, whose sequence number it has. Only the
// acknowledgement of what has no type is without one.
func (m *message) errorOf() (errno int32, about uint16, ok bool) {
	if len(m.body) < 4+nlHeaderLen {
		return 0, 0, false
	}
	return -int32(binary.NativeEndian.Uint32(m.body)), binary.NativeEndian.Uint16(m.body[8:]), true
}

// extent is how much of a packet message was understood.
type extent struct {
	// hasID: the packet can be answered.
	hasID bool
	// wellFormed: every attribute was within its bounds.
	wellFormed bool
	// unknown counts attributes that this package has never heard of.
	unknown int
}

// parsePacket reads the body of a packet message. The payload is not copied.
// What is malformed ends the reading; a packet whose id was read before that can
// still be dropped by name, so that its place in the queue is given back.
func parsePacket(body []byte, p *Packet) (e extent) {
	*p = Packet{}
	if len(body) < nfHeaderLen {
		return e
	}
	var whole uint32 // length of the packet where only a part was copied
	for b := body[nfHeaderLen:]; len(b) > 0; {
		if len(b) < attrHeaderLen {
			return e
		}
		n := int(binary.NativeEndian.Uint16(b))
		if n < attrHeaderLen || n > len(b) {
			return e
		}
		v := b[attrHeaderLen:n:n]
		switch kind := binary.NativeEndian.Uint16(b[2:]) & attrTypeMask; kind {
		case attrPacketHeader:
			if len(v) < 7 {
				return e
			}
			p.ID = binary.BigEndian.Uint32(v)
			p.Protocol = binary.BigEndian.Uint16(v[4:])
			p.Hook = Hook(v[6])
			e.hasID = true
		case attrPayload:
			p.Payload = v
		case attrMark, attrInDev, attrOutDev, attrCapLen, attrSkbInfo:
			if len(v) < 4 {
				return e
			}
			number := binary.BigEndian.Uint32(v)
			switch kind {
			case attrMark:
				p.Mark = number
			case attrInDev:
				p.In = number
			case attrOutDev:
				p.Out = number
			case attrCapLen:
				whole = number
			case attrSkbInfo:
				p.ChecksumNotReady = number&skbChecksumNotReady != 0
				p.GSO = number&skbGSO != 0
			}
		default:
			if kind > attrLastKnown {
				e.unknown++
			}
		}
		b = b[min(align(n), len(b)):]
	}
	p.Truncated = uint64(whole) > uint64(len(p.Payload))
	e.wellFormed = e.hasID
	return e
}
