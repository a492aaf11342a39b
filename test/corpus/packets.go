package corpus

import (
	"encoding/binary"
	"math/rand/v2"

	"labelgate/test/naive"
)

// maxPacket leaves room for what a link may put behind the longest packet.
const maxPacket = 65535 + 64

// Packets draws IPv4 packets: what was recorded, kept and built, mutated, with
// option areas of Areas, and most of the time with the length and the checksum
// that it should have, or nothing would come past the header. It belongs to one
// goroutine and does not allocate.
type Packets struct {
	r     *rand.Rand
	areas *Areas
	hosts [][4]byte
	seeds [][]byte
	long  [][]byte

	b [maxPacket]byte
	n int
}

// NewPackets returns a drawer of packets that mostly go between the hosts. root
// is where the module is.
func NewPackets(root string, seed uint64, doi uint32, hosts [][4]byte) (*Packets, error) {
	areas, err := Recorded(root)
	if err != nil {
		return nil, err
	}
	p := &Packets{r: rand.New(rand.NewPCG(seed, 1)), areas: NewAreas(seed, doi, areas), hosts: hosts, seeds: built(), long: long()}
	kept, err := Kept(root, "internal/ipv4")
	if err != nil {
		return nil, err
	}
	for _, b := range kept {
		if len(b) >= 20 && len(b) <= 2000 {
			p.seeds = append(p.seeds, b)
		}
	}
	options, err := Kept(root, "cipso")
	if err != nil {
		return nil, err
	}
	for _, area := range append(areas, options...) {
		if len(area) <= maxArea {
			p.seeds = append(p.seeds, build(area, protoUDP, 0, datagram(40)))
		}
	}
	return p, nil
}

// Next draws a packet. It is valid until the next call.
func (p *Packets) Next() []byte {
	list := p.seeds
	if p.one(400) {
		list = p.long
	}
	p.n = copy(p.b[:], list[p.r.IntN(len(list))])
	if p.one(2) {
		p.setArea(p.areas.Next())
	}
	if len(p.hosts) > 0 && p.n >= 20 && !p.one(8) {
		src, dst := p.hosts[p.r.IntN(len(p.hosts))], p.hosts[p.r.IntN(len(p.hosts))]
		copy(p.b[12:], src[:])
		copy(p.b[16:], dst[:])
	}
	p.repair()
	broken := !p.one(3)
	for n := p.r.IntN(4); broken && n > 0; n-- {
		p.mutate()
	}
	if broken && !p.one(8) {
		p.repair()
	}
	if p.one(12) { // the padding of a short frame
		n := p.r.IntN(20)
		for range n {
			if p.n < maxPacket {
				p.b[p.n] = byte(p.r.Uint32())
				p.n++
			}
		}
	}
	return p.b[:p.n]
}

func (p *Packets) one(n int) bool { return p.r.IntN(n) == 0 }

// headerLen returns the length of the header as far as it is there.
func (p *Packets) headerLen() int { return min(max(int(p.b[0]&15)*4, 20), p.n) }

// setArea puts an option area in place of the packet's.
func (p *Packets) setArea(area []byte) {
	hl := p.headerLen()
	after := 20 + len(area)
	if p.n < 20 || p.n-hl+after > 65535 {
		return
	}
	copy(p.b[after:], p.b[hl:p.n])
	copy(p.b[20:], area)
	p.n += after - hl
	p.b[0] = 0x40 | byte(after/4)
	binary.BigEndian.PutUint16(p.b[2:], uint16(p.n))
}

// mutate changes one thing, mostly in the header, sometimes close behind it.
func (p *Packets) mutate() {
	if p.n == 0 {
		p.n = 1
	}
	at := p.r.IntN(p.headerLen())
	if p.one(4) {
		at = p.r.IntN(min(p.n, 120))
	}
	switch p.r.IntN(14) {
	case 0, 1, 2:
		p.b[at] ^= 1 << p.r.IntN(8)
	case 3:
		p.b[at] += byte(1 + 254*p.r.IntN(2))
	case 4, 5:
		p.b[at] = p.areas.interesting()
	case 6: // take bytes out
		n := min(1+p.r.IntN(8), p.n-at)
		copy(p.b[at:p.n], p.b[at+n:p.n])
		p.n -= n
	case 7: // put bytes in
		n := min(1+p.r.IntN(8), 65535-p.n)
		copy(p.b[at+n:p.n+n], p.b[at:p.n])
		for i := range n {
			p.b[at+i] = p.areas.interesting()
		}
		p.n += n
	case 8: // cut
		p.n = 1 + p.r.IntN(p.n)
	case 9: // another header length
		p.b[0] = p.b[0]&0xf0 | byte(p.r.IntN(16))
	case 10: // another fragment
		p.b[6], p.b[7] = []byte{0, 0x20, 0x40, 0x80, 0x3f, byte(p.r.Uint32())}[p.r.IntN(6)], []byte{0, 1, 8, 0xff}[p.r.IntN(4)]
	case 11: // another protocol
		p.b[min(9, p.n-1)] = []byte{protoICMP, protoTCP, protoUDP, 2, 4, 47, 50, 132, 136, byte(p.r.Uint32())}[p.r.IntN(10)]
	case 12: // another length
		if p.n >= 20 {
			binary.BigEndian.PutUint16(p.b[2:], []uint16{0, 19, 20, uint16(p.n - 1), uint16(p.n + 1), 65535, uint16(p.r.Uint32())}[p.r.IntN(7)])
		}
	case 13: // addresses that nobody may have
		if p.n >= 20 {
			copy(p.b[12+4*p.r.IntN(2):], [][]byte{{0, 0, 0, 0}, {127, 0, 0, 1}, {224, 0, 0, 1}, {255, 255, 255, 255}, {10, 9, 9, 9}}[p.r.IntN(5)])
		}
	}
}

// repair gives the packet the version, length and checksum that it should have,
// if it can have a header at all.
func (p *Packets) repair() {
	if p.n < 20 {
		return
	}
	hl := int(p.b[0]&15) * 4
	p.b[0] = 0x40 | p.b[0]&15
	if hl < 20 || hl > p.n {
		return
	}
	if total := int(binary.BigEndian.Uint16(p.b[2:])); total < hl || total > p.n {
		binary.BigEndian.PutUint16(p.b[2:], uint16(min(p.n, 65535)))
	}
	naive.Seal(p.b[:p.n])
}
