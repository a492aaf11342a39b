package ipv4

import (
	"encoding/binary"
	"net/netip"
)

// Strictness chooses between the gateway's reading of a header and Linux's.
type Strictness uint8

// Strict, the zero value, also refuses what Linux lets through although other
// stacks may read it otherwise: data behind the end of the option list, and
// fragments that reach past the largest datagram.
const (
	Strict Strictness = iota
	Compat
)

// View is one parsed IPv4 packet. It points into the bytes given to Parse and is
// valid as long as they are neither changed nor reused. A View may be copied; it
// may be shared by readers, not while Parse fills it.
//
// After a fault in the options, all is filled in but what stands behind the
// faulty byte. After any other, only what the first 20 bytes say is, for records
// (the addresses may then be as wrong as the rest), and Packet after FaultChecksum.
// After FaultShort and FaultVersion everything is zero.
type View struct {
	Packet        []byte // exactly Total Length bytes, without padding of the link
	HeaderLen     int    // 20..60
	TOS, TTL      uint8
	Proto         uint8
	ID            uint16
	DontFragment  bool
	MoreFragments bool
	// FragmentOffset is in bytes, 0..65528.
	FragmentOffset int
	Src, Dst       netip.Addr // IPv4, never IPv4-mapped

	CIPSO     int       // offset of the CIPSO option in the header, 0 when there is none
	CIPSOLen  int       // its length byte: 2..40, not yet checked against the least a CIPSO option needs
	Others    OptionSet // the other options, NOPs excepted
	OthersLen int       // their bytes

	// Transport is the offset of the layer-4 header in a whole packet or a first
	// fragment; 0 in the fragments after it, which have none.
	Transport int
	// HasPorts says that SrcPort and DstPort are there, and TCPFlags for TCP: a
	// whole packet or first fragment of TCP, UDP, UDP-Lite, DCCP or SCTP that
	// holds the fixed part of that header. A first fragment cut shorter to hide
	// ports or flags from a filter (RFC 1858) has none.
	HasPorts         bool
	SrcPort, DstPort uint16
	TCPFlags         uint8
	// HasICMP says that ICMPType and ICMPCode are there, under the same conditions.
	HasICMP            bool
	ICMPType, ICMPCode uint8

	end   int  // offset of the end-of-list option, HeaderLen without one; valid with sound
	sound bool // Parse found no fault
}

const (
	flagDF     = 0x4000
	flagMF     = 0x2000
	maskOffset = 0x1fff
)

// Parse fills v from the packet that b starts with. Bytes of b behind the total
// length (padding of short Ethernet frames) are cut off. The pointer of a fault
// and the order of checks are Linux's; Strict adds faults to packets that Linux
// finds none in.
//
// Parse does not look into the CIPSO option. Linux checks options from left to
// right, so on an option fault behind v.CIPSO a caller that imitates it looks
// for a fault in that option first.
func (v *View) Parse(b []byte, s Strictness) Fault {
	*v = View{}
	if len(b) < MinHeaderLen {
		return Fault{Code: FaultShort}
	}
	if b[0]>>4 != 4 {
		return Fault{Code: FaultVersion}
	}
	v.TOS, v.TTL, v.Proto = b[1], b[8], b[9]
	v.ID = binary.BigEndian.Uint16(b[4:])
	frag := binary.BigEndian.Uint16(b[6:])
	v.DontFragment = frag&flagDF != 0
	v.MoreFragments = frag&flagMF != 0
	v.FragmentOffset = int(frag&maskOffset) * 8
	v.Src = netip.AddrFrom4([4]byte(b[12:16]))
	v.Dst = netip.AddrFrom4([4]byte(b[16:20]))

	hl := int(b[0]&0xf) * 4
	if hl < MinHeaderLen || hl > len(b) {
		return Fault{Code: FaultHeaderLength}
	}
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total < hl || total > len(b) {
		return Fault{Code: FaultTotalLength}
	}
	b = b[:total:total]
	v.Packet = b
	v.HeaderLen = hl
	if Checksum(b[:hl]) != 0 {
		return Fault{Code: FaultChecksum}
	}
	v.transport()
	v.end = hl
	if hl > MinHeaderLen {
		if f := v.options(s); f.Code != NoFault {
			return f
		}
	}
	// The reassembled datagram would wrap its 16-bit length. Linux forwards such
	// fragments and leaves the damage to the receiver.
	if s == Strict && v.FragmentOffset+total > MaxPacketLen {
		return Fault{Code: FaultFragmentRange}
	}
	v.sound = true
	return Fault{}
}
