package corpus

import (
	"encoding/binary"

	"labelgate/test/naive"
)

// Protocol numbers of what is built here.
const (
	protoICMP = 1
	protoTCP  = 6
	protoUDP  = 17
)

// build makes a packet from 10.1.0.1 to 10.3.0.1. fragment is the word of flags
// and offset.
func build(area []byte, proto byte, fragment uint16, payload []byte) []byte {
	hl := 20 + (len(area)+3)&^3
	p := make([]byte, hl, hl+len(payload))
	p[0] = 0x40 | byte(hl/4)
	p = append(p, payload...)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	binary.BigEndian.PutUint16(p[4:], 0x1234)
	binary.BigEndian.PutUint16(p[6:], fragment)
	p[8], p[9] = 64, proto
	copy(p[12:], []byte{10, 1, 0, 1, 10, 3, 0, 1})
	copy(p[20:], area)
	naive.Seal(p)
	return p
}

// datagram is a UDP header and what it announces, n bytes in all.
func datagram(n int) []byte {
	b := make([]byte, n)
	binary.BigEndian.PutUint16(b, 4000)
	binary.BigEndian.PutUint16(b[2:], 9999)
	binary.BigEndian.PutUint16(b[4:], uint16(n))
	return b
}

// segment is a TCP header with options and data behind it.
func segment(flags byte, options, data []byte) []byte {
	hl := 20 + (len(options)+3)&^3
	b := make([]byte, hl, hl+len(data))
	binary.BigEndian.PutUint16(b, 4000)
	binary.BigEndian.PutUint16(b[2:], 80)
	b[12], b[13] = byte(hl/4)<<4, flags
	copy(b[20:], options)
	b = append(b, data...)
	binary.BigEndian.PutUint16(b[16:], ^naive.Sum(b))
	return b
}

// message is an ICMP message of which quote is the most.
func message(kind, code byte, quote []byte) []byte {
	b := append([]byte{kind, code, 0, 0, 0, 0, 5, 0}, quote...)
	binary.BigEndian.PutUint16(b[2:], ^naive.Sum(b))
	return b
}

// built are the packets that matter beside what was recorded.
func built() [][]byte {
	label := []byte{134, 14, 0, 0, 0, 3, 1, 8, 0, 250, 0x23, 0x37, 0xb7, 0x80} // Foo
	web := []byte{134, 11, 0, 0, 0, 3, 1, 5, 0, 250, 0x20}                     // @
	mapped := []byte{134, 11, 0, 0, 0, 3, 1, 5, 0, 5, 0x2a}                    // level 5, categories 2, 4 and 6
	alert := []byte{148, 4, 0, 0}
	both := append(alert[:4:4], label...)
	mss := []byte{2, 4, 5, 180}
	var all [][]byte
	for _, area := range [][]byte{nil, label, web, mapped, both, {1, 1, 1, 1}} {
		for _, payload := range []int{0, 3, 8, 11, 12, 40, 1400} {
			all = append(all, build(area, protoUDP, 0, datagram(max(payload, 8))[:payload]))
		}
		// First, middle and last fragments, one that would end behind the last
		// byte of a datagram, and a first one too small for its ports.
		for _, f := range []struct {
			word uint16
			n    int
		}{{0x2000, 64}, {0x2008, 64}, {0x0010, 20}, {0x1fff, 64}, {0x2000, 8}, {0x4000, 64}, {0x8000, 30}} {
			all = append(all, build(area, protoUDP, f.word, datagram(f.n)))
		}
		for _, flags := range []byte{0x02, 0x12, 0x10, 0x04} {
			for _, options := range [][]byte{nil, mss, {1, 1, 4, 2, 2, 4, 0xff, 0xff, 3, 3, 7}, {1, 2, 4, 5, 180, 2, 4, 2, 0}, {2, 3, 5}, {2, 4}, {0, 2, 4, 5}} {
				all = append(all, build(area, protoTCP, 0, segment(flags, options, nil)))
			}
		}
		all = append(all, build(area, protoTCP, 0x2000, segment(0x02, mss, nil)))
		for _, kind := range []byte{3, 4, 5, 11, 12, 8, 0, 13} {
			for _, quoted := range [][]byte{build(label, protoUDP, 0, datagram(40)), build(nil, protoUDP, 0, datagram(40)), build(both, protoTCP, 0, segment(0x10, nil, nil))} {
				for _, n := range []int{len(quoted), 28, 21, 0} {
					all = append(all, build(area, protoICMP, 0, message(kind, 4, quoted[:min(n, len(quoted))])))
				}
			}
		}
		for _, proto := range []byte{4, 41, 47, 50, 51, 132, 2} {
			all = append(all, build(area, proto, 0, build(label, protoUDP, 0, datagram(20))))
		}
	}
	return all
}

// long are the packets to which hardly anything can be added.
func long() [][]byte {
	label := []byte{134, 14, 0, 0, 0, 3, 1, 8, 0, 250, 0x23, 0x37, 0xb7, 0x80}
	var all [][]byte
	for _, n := range []int{1480, 1500, 9000, 65535 - 60, 65535 - 36, 65535 - 20} {
		all = append(all, build(nil, protoUDP, 0, datagram(n)))
		if n+36 <= 65535 {
			all = append(all, build(label, protoUDP, 0, datagram(n)))
		}
	}
	return all
}
