package capture

import (
	"net"
	"strconv"
	"time"
)

// LinkType is a link-layer header type of the registry that pcap and pcapng share.
type LinkType uint16

// The link types that Reader takes apart.
const (
	LinkNull     LinkType = 0   // BSD loopback: address family in the recorder's byte order
	LinkEthernet LinkType = 1   // with up to one VLAN tag
	LinkRawBSD   LinkType = 12  // as LinkRaw, in files of some systems
	LinkRaw      LinkType = 101 // IPv4 or IPv6 without anything before it
	LinkLoop     LinkType = 108 // OpenBSD loopback: address family in network byte order
	LinkSLL      LinkType = 113 // Linux cooked, as of tcpdump -i any
	LinkIPv4     LinkType = 228
	LinkIPv6     LinkType = 229
	LinkSLL2     LinkType = 276 // Linux cooked version 2, with an interface index
)

// String returns the name that tcpdump and editcap use, or the number.
func (l LinkType) String() string {
	switch l {
	case LinkNull:
		return "NULL"
	case LinkEthernet:
		return "EN10MB"
	case LinkRawBSD, LinkRaw:
		return "RAW"
	case LinkLoop:
		return "LOOP"
	case LinkSLL:
		return "LINUX_SLL"
	case LinkIPv4:
		return "IPV4"
	case LinkIPv6:
		return "IPV6"
	case LinkSLL2:
		return "LINUX_SLL2"
	}
	return strconv.Itoa(int(l))
}

// Ethertypes that a Frame is likely to have.
const (
	EtherTypeIPv4 uint16 = 0x0800
	EtherTypeIPv6 uint16 = 0x86dd
	etherTypeVLAN uint16 = 0x8100
	etherTypeQinQ uint16 = 0x88a8
)

// Direction says which way a recorded packet went.
type Direction uint8

// The directions, seen from the machine that recorded.
const (
	DirectionUnknown Direction = iota
	Inbound
	Outbound
)

// Frame is one recorded packet. Its slices belong to it alone, and overlap:
// Header and IPv4 are parts of Data.
type Frame struct {
	Number int       // from 1, over the whole file, as Wireshark counts
	Offset int64     // where its record starts in the (decompressed) file
	Time   time.Time // UTC; zero when the file does not say
	Length int       // on the wire; more than len(Data) if it was cut off

	Interface int       // number of the interface in the file, from 0, counted over all sections
	Name      string    // of that interface, "" when the file does not say
	IfIndex   uint32    // index of the interface in the recorder's kernel, 0 unknown (LinkSLL2 only)
	Direction Direction // seen from the recorder, where the file says it

	LinkType  LinkType
	Source    net.HardwareAddr // sender's Ethernet address, nil unknown
	VLAN      uint16           // VLAN identifier 1..4094, 0 without tag
	EtherType uint16           // behind the tag; 0 unknown
	Comment   string           // pcapng only; several are joined by a newline

	Data   []byte // the frame as recorded
	Header []byte // what stands before the network layer
	IPv4   []byte // the rest if that is IPv4, with the link's padding; nil otherwise
}

// Truncated reports whether the recorder kept only the start of the packet.
func (f *Frame) Truncated() bool { return len(f.Data) < f.Length }
