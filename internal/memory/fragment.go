package memory

import (
	"encoding/binary"

	"labelgate/internal/fragment"
	"labelgate/internal/ipv4"
	"labelgate/netlabel"
)

// fragment holds a fragment against the others of its datagram. One that was
// refused takes the rest with it: what is left of a datagram must not be put
// together with what somebody else sends under its number.
func (m *Memory) fragment(at Moment, p *Packet, v *netlabel.Verdict) {
	b := p.Bytes
	const moreOrOffset = 0x3fff
	if len(b) < ipv4.MinHeaderLen || b[0]>>4 != 4 || binary.BigEndian.Uint16(b[6:])&moreOrOffset == 0 || p.Direction == netlabel.Output {
		return
	}
	k := fragment.Key{Src: [4]byte(b[12:]), Dst: [4]byte(b[16:]), Proto: b[9], ID: binary.BigEndian.Uint16(b[4:]), Zone: uint8(p.In)}
	if v.Action == netlabel.Drop {
		if v.InZone != 0 {
			m.fragments.Condemn(at.Seconds, k)
		}
		return
	}
	if p.Seen {
		return
	}
	field := binary.BigEndian.Uint16(b[6:])
	header := int(b[0]&0xf) * 4
	piece := fragment.Piece{
		Offset: int(field&0x1fff) * 8, Length: int(binary.BigEndian.Uint16(b[2:])) - header, More: field&0x2000 != 0,
		Labeled: v.HadOption, HeaderLen: header,
	}
	if v.HadOption {
		piece.Label = uint32(v.Subject)
	}
	switch m.fragments.Add(at.Seconds, k, piece) {
	case fragment.Fits:
	case fragment.LabelMismatch:
		v.Refuse(netlabel.ReasonFragmentLabel)
	case fragment.Condemned:
		v.Refuse(netlabel.ReasonFragmentRefused)
	case fragment.Full:
		v.Refuse(netlabel.ReasonFragmentTable)
	default:
		v.Refuse(netlabel.ReasonFragmentOverlap)
	}
}
