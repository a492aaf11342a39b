package memory

import (
	"encoding/binary"

	"labelgate/internal/fragment"
	"labelgate/internal/ipv4"
	"labelgate/netlabel"
)

// datagram returns which datagram a packet is a fragment of. What this machine
// sends is not followed.
func (p *Packet) datagram() (k fragment.Key, ok bool) {
	b := p.Bytes
	const moreOrOffset = 0x3fff
	if len(b) < ipv4.MinHeaderLen || b[0]>>4 != 4 || binary.BigEndian.Uint16(b[6:])&moreOrOffset == 0 || p.Direction == netlabel.Output {
		return k, false
	}
	return fragment.Key{Src: [4]byte(b[12:]), Dst: [4]byte(b[16:]), Proto: b[9], ID: binary.BigEndian.Uint16(b[4:]), Zone: uint8(p.In)}, true
}

// condemn takes the rest of a datagram along with a fragment that is dropped.
func (m *Memory) condemn(at Moment, p *Packet) {
	if k, ok := p.datagram(); ok && p.In != 0 {
		m.fragments.Condemn(at.Seconds, k)
	}
}

// fits holds a fragment that passes against the others of its datagram.
func (m *Memory) fits(at Moment, p *Packet, v *netlabel.Verdict) bool {
	k, ok := p.datagram()
	if !ok || p.Seen {
		return true
	}
	b := p.Bytes
	field := binary.BigEndian.Uint16(b[6:])
	header := int(b[0]&0xf) * 4
	piece := fragment.Piece{
		Offset: int(field&0x1fff) * 8, Length: int(binary.BigEndian.Uint16(b[2:])) - header, More: field&0x2000 != 0,
		Labeled: v.HadOption, HeaderLen: header,
	}
	if v.HadOption {
		// By its name: a reload between two fragments numbers the labels anew.
		piece.Label, piece.Told = m.number(at, v.Subject), uint32(v.Subject)
	}
	switch m.fragments.Add(at.Seconds, k, piece) {
	case fragment.Fits:
		return true
	case fragment.LabelMismatch:
		v.Refuse(netlabel.ReasonFragmentLabel)
	case fragment.Condemned:
		v.Refuse(netlabel.ReasonFragmentRefused)
	case fragment.Full:
		v.Refuse(netlabel.ReasonFragmentTable)
	default:
		v.Refuse(netlabel.ReasonFragmentOverlap)
	}
	return false
}
