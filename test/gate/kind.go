package gate

import (
	"encoding/binary"
	"net/netip"
)

// Kind is one sort of packets of a load, and what may become of them.
type Kind struct {
	Name string
	From string // host that sends it
	// Frames are templates, from the Ethernet header on, with room for a tag at the
	// end. They are sent one right after the other; each is a packet with a number
	// of its own. The hardware addresses are filled in, but for a destination that
	// is not zero.
	Frames [][]byte
	// Shape changes what a packet needs of its own besides its tag, such as the
	// number of a datagram in fragments; nil for nothing. number is that of the
	// first frame.
	Shape func(frame []byte, number uint64)
	Share int // how many of the load, relative to the other kinds

	// To is the host behind whose cable it may appear, "" for none.
	To string
	// Areas are the option areas that it may have there, each in whole words;
	// one at least, which is empty for a packet without options.
	Areas [][]byte
	// Apart says that no two neighbouring frames may both be there.
	Apart bool
	// Source is an address that no other kind has, by which its records are found.
	Source netip.Addr

	number int // in its load
}

// Forbidden reports whether no packet of this kind may come out of the gateway.
func (k *Kind) Forbidden() bool { return k.To == "" }

// Datagram returns a kind of IPv4 datagrams of one packet each.
func Datagram(name, from string, src, dst netip.Addr, options []byte) *Kind {
	p := IPv4{Src: src, Dst: dst, Options: options, Body: UDP(4000, 9999, TagLen, make([]byte, TagLen))}
	return &Kind{Name: name, From: from, Source: src, Share: 1, Frames: [][]byte{Ethernet(EthernetIPv4, p.Bytes())}}
}

// Passing says where the packets of a kind come out, and with which options.
func (k *Kind) Passing(to string, options []byte) *Kind {
	k.To, k.Areas = to, [][]byte{Padded(options)}
	return k
}

// Shared sets the kind's share.
func (k *Kind) Shared(n int) *Kind {
	k.Share = n
	return k
}

// Ethernet returns a frame whose addresses are to be filled in.
func Ethernet(ethertype uint16, packet []byte) []byte {
	return append(binary.BigEndian.AppendUint16(make([]byte, ethernetLen-2, ethernetLen+len(packet)), ethertype), packet...)
}

// Halves returns a kind of datagrams in two fragments, the first of which carries
// options and the second rest. The second begins where nothing of a layer-4 header
// could be.
func Halves(name, from string, src, dst netip.Addr, options, rest []byte) *Kind {
	const more, half = 0x2000, 80
	const second = (udpLen + half) / 8
	first := IPv4{Src: src, Dst: dst, Options: options, Fragment: more, Body: UDP(4000, 9999, half+TagLen, make([]byte, half))}
	last := IPv4{Src: src, Dst: dst, Options: rest, Fragment: second, Body: make([]byte, TagLen)}
	return &Kind{
		Name: name, From: from, Source: src, Share: 1, Shape: numbered,
		Frames: [][]byte{Ethernet(EthernetIPv4, first.Bytes()), Ethernet(EthernetIPv4, last.Bytes())},
	}
}

// numbered gives the fragments of a datagram its number.
func numbered(frame []byte, number uint64) {
	binary.BigEndian.PutUint16(frame[ethernetLen+4:], uint16(number))
	SetChecksum(frame[ethernetLen:])
}
