package naive

// Option is one option of a header.
type Option struct {
	At, Len int // from the first byte of the packet; Len includes type and length
	Type    byte
}

// Packet is what the header of an IPv4 packet says.
type Packet struct {
	HeaderLen int
	Options   [40]Option // the first Count of them, without NOPs
	Count     int
	End       int  // where the list of options ends: at its end byte, else HeaderLen
	Tail      int  // the first byte behind End that is not zero, 0 for none
	Fragment  bool // not the first one of its datagram
}

// Read fills p and returns what is wrong with the packet, "" when nothing is: the
// names are those of the gateway's records. What options hold is not looked at.
// At is the offset of the offending byte where that is one of an option, else 0.
func (p *Packet) Read(b []byte) Finding {
	*p = Packet{}
	if len(b) < 20 {
		return Finding{"short", 0}
	}
	if b[0]/16 != 4 {
		return Finding{"version", 0}
	}
	p.HeaderLen = int(b[0]%16) * 4
	if p.HeaderLen < 20 || p.HeaderLen > len(b) {
		return Finding{"header-length", 0}
	}
	if total := int(number(b[2:4])); total < p.HeaderLen || total > len(b) {
		return Finding{"total-length", 0}
	}
	if Sum(b[:p.HeaderLen]) != 0xffff {
		return Finding{"checksum", 0}
	}
	p.Fragment = number(b[6:8])&0x1fff != 0
	p.End = p.HeaderLen
	for at := 20; at < p.HeaderLen; {
		switch b[at] {
		case 0:
			p.End = at
			for i := at; i < p.HeaderLen && p.Tail == 0; i++ {
				if b[i] != 0 {
					p.Tail = i
				}
			}
			return Finding{}
		case 1:
			at++
			continue
		}
		if at+1 == p.HeaderLen || b[at+1] < 2 || at+int(b[at+1]) > p.HeaderLen {
			return Finding{"option-length", at}
		}
		o := Option{At: at, Len: int(b[at+1]), Type: b[at]}
		if o.Type == 134 && p.Find(134) != nil {
			return Finding{"second-cipso", at}
		}
		p.Options[p.Count] = o
		p.Count++
		at += o.Len
	}
	return Finding{}
}

// Find returns the first option of a type, nil when there is none.
func (p *Packet) Find(kind byte) *Option {
	for i := range p.Options[:p.Count] {
		if p.Options[i].Type == kind {
			return &p.Options[i]
		}
	}
	return nil
}

// Sum adds the 16-bit words of b as RFC 1071 does; over a header whose checksum
// is right the result is 0xffff.
func Sum(b []byte) uint16 {
	var s uint32
	for i, c := range b {
		if i%2 == 0 {
			s += uint32(c) << 8
		} else {
			s += uint32(c)
		}
	}
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}

// Seal sets the checksum of the header that b begins with.
func Seal(b []byte) {
	b[10], b[11] = 0, 0
	s := ^Sum(b[:int(b[0]%16)*4])
	b[10], b[11] = byte(s>>8), byte(s)
}
