package flow

import "encoding/binary"

// Key is one direction of a flow, as its packets name it where the table is
// asked. Addresses are in network byte order, ports plain numbers. Of ICMP
// queries (RFC 792) SrcPort is the identifier and DstPort the type; protocols
// without ports leave both zero.
type Key struct {
	Src, Dst         [4]byte
	Proto            uint8
	SrcPort, DstPort uint16

	// 16 bytes are copied in one piece. 14 are not, and reading a field that lies
	// across the pieces waits for both: that doubled the time of a look-up.
	_ [2]byte
}

// words is a key packed. ports is never 0, so that no key equals that of an
// entry that holds no flow.
type words struct {
	addresses, ports uint64
}

const inUse = 1 << 40

func (k *Key) words() words {
	return words{
		addresses: uint64(binary.BigEndian.Uint32(k.Src[:]))<<32 | uint64(binary.BigEndian.Uint32(k.Dst[:])),
		ports:     inUse | uint64(k.Proto)<<32 | uint64(k.SrcPort)<<16 | uint64(k.DstPort),
	}
}
