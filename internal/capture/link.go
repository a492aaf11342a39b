package capture

import (
	"encoding/binary"
	"net"
)

const (
	familyIPv4 = 2 // the same everywhere
	arpEther   = 1 // ARPHRD_ETHER
	arpLoop    = 772
	cookedOut  = 4 // PACKET_OUTGOING

	ethernetLen = 14
	vlanLen     = 4
	sllLen      = 16
	sll2Len     = 20
)

// dissect fills in what the link-layer header of f.Data says. A frame too short
// for its header keeps EtherType 0 and no IPv4. It reports false for a link type
// it does not know.
func (f *Frame) dissect() bool {
	b := f.Data
	switch f.LinkType {
	case LinkEthernet:
		if len(b) < ethernetLen {
			return true
		}
		f.Source = net.HardwareAddr(b[6:12:12])
		f.network(ethernetLen, binary.BigEndian.Uint16(b[12:]))
	case LinkRaw, LinkRawBSD, LinkIPv4, LinkIPv6:
		if len(b) > 0 {
			f.network(0, byVersion(b[0]))
		}
	case LinkSLL:
		if len(b) < sllLen {
			return true
		}
		f.cookedDirection(binary.BigEndian.Uint16(b))
		f.cookedSource(binary.BigEndian.Uint16(b[2:]), int(binary.BigEndian.Uint16(b[4:])), b[6:14])
		f.network(sllLen, binary.BigEndian.Uint16(b[14:]))
	case LinkSLL2:
		if len(b) < sll2Len {
			return true
		}
		f.IfIndex = binary.BigEndian.Uint32(b[4:])
		f.cookedDirection(uint16(b[10]))
		f.cookedSource(binary.BigEndian.Uint16(b[8:]), int(b[11]), b[12:20])
		f.network(sll2Len, binary.BigEndian.Uint16(b))
	case LinkNull, LinkLoop:
		if len(b) < 5 {
			return true
		}
		// The recorder's byte order need not be that of the file, so any will
		// do. IPv6 has another number on each system: ask the packet.
		t := byVersion(b[4])
		if t == EtherTypeIPv4 && binary.LittleEndian.Uint32(b) != familyIPv4 && binary.BigEndian.Uint32(b) != familyIPv4 {
			t = 0
		}
		f.network(4, t)
	default:
		return false
	}
	return true
}

// network splits the frame behind n bytes of header; t is the ethertype there,
// possibly that of one VLAN tag more.
func (f *Frame) network(n int, t uint16) {
	if b := f.Data[n:]; (t == etherTypeVLAN || t == etherTypeQinQ) && len(b) >= vlanLen {
		f.VLAN = binary.BigEndian.Uint16(b) & 0xfff
		t = binary.BigEndian.Uint16(b[2:])
		n += vlanLen
	}
	f.EtherType = t
	f.Header = f.Data[:n:n]
	if t == EtherTypeIPv4 {
		f.IPv4 = f.Data[n:]
	}
}

// cookedDirection reads the packet type of Linux: 0 to 3 came in, for whomever.
func (f *Frame) cookedDirection(t uint16) {
	switch {
	case t < cookedOut:
		f.Direction = Inbound
	case t == cookedOut:
		f.Direction = Outbound
	}
}

func (f *Frame) cookedSource(hardware uint16, n int, address []byte) {
	if n == 6 && (hardware == arpEther || hardware == arpLoop) {
		f.Source = net.HardwareAddr(address[:6:6])
	}
}

// byVersion returns the ethertype that the first byte of a packet speaks of.
func byVersion(first byte) uint16 {
	switch first >> 4 {
	case 4:
		return EtherTypeIPv4
	case 6:
		return EtherTypeIPv6
	}
	return 0
}
