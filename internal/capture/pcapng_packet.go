package capture

import (
	"bytes"
	"math/bits"
	"strings"
	"time"
)

// packet reads an enhanced packet block or the obsolete kind before it.
func (p *pcapng) packet(kind uint32, b []byte) (*Frame, error) {
	if len(b) < 20 {
		return nil, p.fault(kind, "packet block of %d bytes", len(b))
	}
	n := p.order.Uint32(b)
	if kind == blockPacket {
		n = uint32(p.order.Uint16(b))
	}
	f, err := p.frame(kind, n)
	if err != nil {
		return nil, err
	}
	f.Time = p.interfaces[n].clock.time(uint64(p.order.Uint32(b[4:]))<<32 | uint64(p.order.Uint32(b[8:])))
	captured, length := p.order.Uint32(b[12:]), p.order.Uint32(b[16:])
	b = b[20:]
	if captured > maxFrame || int(captured) > len(b) {
		return nil, p.fault(kind, "%d bytes captured of %d, in a block with room for %d", captured, length, len(b))
	}
	f.Length = int(max(length, captured)) // some writers leave the length 0
	f.Data = b[:captured:captured]
	list, err := p.options(kind, b[min(padded(int(captured)), len(b)):])
	if err != nil {
		return nil, err
	}
	var comments []string
	for _, o := range list {
		switch {
		case o.code == optComment:
			comments = append(comments, text(o.value))
		case o.code == optFlags && len(o.value) == 4:
			// The low two bits: 0 unknown, 1 in, 2 out. 3 means nothing.
			f.Direction = [4]Direction{1: Inbound, 2: Outbound}[p.order.Uint32(o.value)&3]
		}
	}
	f.Comment = strings.Join(comments, "\n")
	return f, nil
}

// simple reads a simple packet block: no time, and the first interface.
func (p *pcapng) simple(b []byte) (*Frame, error) {
	if len(b) < 4 {
		return nil, p.fault(blockSimple, "simple packet block of %d bytes", len(b))
	}
	f, err := p.frame(blockSimple, 0)
	if err != nil {
		return nil, err
	}
	length := p.order.Uint32(b)
	captured := length
	if snap := p.interfaces[0].snap; snap != 0 {
		captured = min(captured, snap)
	}
	b = b[4:]
	if captured > maxFrame || int(captured) > len(b) {
		return nil, p.fault(blockSimple, "%d bytes captured of %d, in a block with room for %d", captured, length, len(b))
	}
	f.Length = int(length)
	f.Data = b[:captured:captured]
	return f, nil
}

// frame starts a frame of interface n of this section.
func (p *pcapng) frame(kind, n uint32) (*Frame, error) {
	if uint64(n) >= uint64(len(p.interfaces)) {
		return nil, p.fault(kind, "packet of interface %d, where %d are described", n, len(p.interfaces))
	}
	i := &p.interfaces[n]
	return &Frame{Offset: p.at, Interface: p.before + int(n), Name: i.name, LinkType: i.link}, nil
}

// text returns an option's text. Some writers end it with a zero byte.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return strings.ToValidUTF8(string(b), "\ufffd")
}

// clock turns the timestamps of an interface into time.
type clock struct {
	perSecond uint64
	offset    int64 // seconds to be added
}

// microseconds is what an interface without a resolution counts.
var microseconds = clock{perSecond: 1e6}

// resolve sets the resolution: a negative power of 10, or of 2 with the top bit.
func (c *clock) resolve(r byte) bool {
	n := r & 0x7f
	if r&0x80 != 0 {
		if n > 63 {
			return false
		}
		c.perSecond = 1 << n
		return true
	}
	if n > 19 { // 10^20 does not fit
		return false
	}
	c.perSecond = 1
	for range n {
		c.perSecond *= 10
	}
	return true
}

func (c *clock) time(stamp uint64) time.Time {
	hi, lo := bits.Mul64(stamp%c.perSecond, 1e9)
	ns, _ := bits.Div64(hi, lo, c.perSecond) // cannot overflow: the remainder is below perSecond
	return time.Unix(int64(stamp/c.perSecond)+c.offset, int64(ns)).UTC()
}
