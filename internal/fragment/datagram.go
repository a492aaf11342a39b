package fragment

// maxLen is the length of the longest datagram with its header, RFC 791 section
// 3.1.
const maxLen = 65535

// datagram is what was seen of one.
type datagram struct {
	label     uint32
	told      uint32 // Piece.Told
	end       uint16 // bytes of the whole; 0 until the last piece was seen
	header    uint16 // bytes of the longest header
	labeled   bool
	condemned bool
	seen      ranges
}

// add judges a piece and remembers it if it fits, or condemns.
func (d *datagram) add(p Piece) Result {
	if d.condemned {
		return Condemned
	}
	r := d.judge(p)
	d.condemned = r != Fits && r != Duplicate
	return r
}

// whole reports whether all bytes were seen.
func (d *datagram) whole() bool {
	return d.end != 0 && d.seen.whole(d.end)
}

func (d *datagram) judge(p Piece) Result {
	first := d.seen.n == 0
	if !first && (d.label != p.Label || d.labeled != p.Labeled) {
		return LabelMismatch
	}
	if p.Offset < 0 || p.Length <= 0 || p.Offset%8 != 0 || p.More && p.Length%8 != 0 {
		return Misaligned
	}
	if p.Offset > maxLen || p.Length > maxLen {
		return TooLong
	}
	// What counts is the length of the whole, and the header that the receiver
	// keeps for it may be that of another piece.
	end, top, header := p.Offset+p.Length, d.seen.top(), max(int(d.header), p.HeaderLen)
	switch {
	case max(end, top)+header > maxLen:
		return TooLong
	case d.end != 0 && p.More && end >= int(d.end), d.end != 0 && !p.More && end != int(d.end):
		return TooLong
	case d.end == 0 && !p.More && end <= top:
		// All that was seen said that more follows.
		return TooLong
	}
	r := d.seen.add(uint16(p.Offset), uint16(end))
	if r != Fits {
		return r
	}
	d.label, d.told, d.labeled, d.header = p.Label, p.Told, p.Labeled, uint16(header)
	if !p.More {
		d.end = uint16(end)
	}
	return Fits
}
