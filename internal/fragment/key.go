package fragment

import "encoding/binary"

// Key is what the fragments of one datagram share, RFC 791 section 3.2, and the
// zone that they came from: a zone condemns nobody's datagrams but its own.
// Addresses are in network byte order, ID is a plain number.
type Key struct {
	Src, Dst [4]byte
	Proto    uint8
	ID       uint16
	Zone     uint8 // 0 is this machine; the same zone for as long as the table lives
}

// Piece is one fragment. It is no fragment at all if Offset is 0 and More unset;
// such packets are not the table's business.
type Piece struct {
	Offset, Length int  // of its payload, in bytes
	More           bool // more fragments: it does not hold the datagram's end

	// Labeled: it carries a label, CIPSO option or other. The option has the
	// copied flag (RFC 791 section 3.1), so all fragments carry it or none.
	Labeled bool
	// Label is whatever tells one label from another for as long as the table
	// lives; an index that the next policy gives to another label does not. It is
	// compared whether Labeled or not.
	Label uint32

	// Told is what List tells of the label; nothing else looks at it.
	Told uint32

	HeaderLen int // bytes of its IP header as it leaves, 20..60
}

// words packs a key.
func (k *Key) words() (addresses uint64, rest uint32) {
	addresses = uint64(binary.BigEndian.Uint32(k.Src[:]))<<32 | uint64(binary.BigEndian.Uint32(k.Dst[:]))
	return addresses, uint32(k.Zone)<<24 | uint32(k.Proto)<<16 | uint32(k.ID)
}

// key unpacks one.
func key(addresses uint64, rest uint32) (k Key) {
	binary.BigEndian.PutUint32(k.Src[:], uint32(addresses>>32))
	binary.BigEndian.PutUint32(k.Dst[:], uint32(addresses))
	k.Zone, k.Proto, k.ID = uint8(rest>>24), uint8(rest>>16), uint16(rest)
	return k
}
