package gate

import (
	"bytes"
	"encoding/binary"
)

// Bitmap returns a CIPSO option with a tag of type 1, whose bitmap is trimmed as it
// has to be (CIPSO draft section 3.4.2).
func Bitmap(doi uint32, level byte, categories ...int) []byte {
	var bits []byte
	for _, c := range categories {
		for len(bits) <= c/8 {
			bits = append(bits, 0)
		}
		bits[c/8] |= 0x80 >> (c % 8)
	}
	return option(doi, 1, level, bits)
}

// List returns a CIPSO option with a tag of type 2 (section 3.4.3). The categories
// ascend.
func List(doi uint32, level byte, categories ...int) []byte {
	var list []byte
	for _, c := range categories {
		list = binary.BigEndian.AppendUint16(list, uint16(c))
	}
	return option(doi, 2, level, list)
}

func option(doi uint32, tag, level byte, rest []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{typeCIPSO, byte(10 + len(rest))}, doi)
	return append(append(b, tag, byte(4+len(rest)), 0, level), rest...)
}

// DirectLevel is the level at which Smack writes a label as its own text.
const DirectLevel = 250

// Direct returns the categories that spell a label: bit 0x80>>k of byte i is
// category 8i+k+1 (Smack documentation).
func Direct(label string) (categories []int) {
	for i := range len(label) * 8 {
		if label[i/8]&(0x80>>(i%8)) != 0 {
			categories = append(categories, i+1)
		}
	}
	return categories
}

// beginsLabel reports whether something that looks like the beginning of a CIPSO
// option of one of these domains stands anywhere in a frame: in its header, in one
// that it quotes, in what is behind both.
func beginsLabel(frame []byte, domains []uint32) bool {
	for at := 0; ; at++ {
		i := bytes.IndexByte(frame[at:], typeCIPSO)
		if i < 0 || len(frame) < at+i+6 {
			return false
		}
		at += i
		for _, d := range domains {
			if binary.BigEndian.Uint32(frame[at+2:]) == d && frame[at+1] >= 8 && frame[at+1] <= 40 {
				return true
			}
		}
	}
}
