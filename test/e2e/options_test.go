package e2e

import (
	"bytes"
	"encoding/binary"
)

// tag1 is a CIPSO option with a bitmap of categories (CIPSO draft section 3.4.2),
// ascending.
func tag1(doi uint32, level byte, categories ...int) []byte {
	var bitmap []byte
	if n := len(categories); n > 0 {
		bitmap = make([]byte, categories[n-1]/8+1)
	}
	for _, c := range categories {
		bitmap[c/8] |= 0x80 >> (c % 8)
	}
	return cipsoOption(doi, 1, level, bitmap)
}

// tag2 is one that lists them (section 3.4.3).
func tag2(doi uint32, level byte, categories ...int) []byte {
	var list []byte
	for _, c := range categories {
		list = binary.BigEndian.AppendUint16(list, uint16(c))
	}
	return cipsoOption(doi, 2, level, list)
}

func cipsoOption(doi uint32, tag, level byte, rest []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{cipsoType, byte(10 + len(rest))}, doi)
	return append(append(b, tag, byte(4+len(rest)), 0, level), rest...)
}

// beginsLabel reports whether an option of one of these domains begins anywhere in
// a frame, in a header or not: what stands first in any of their options.
func beginsLabel(frame []byte, dois ...uint32) bool {
	for at := 0; ; at++ {
		i := bytes.IndexByte(frame[at:], cipsoType)
		if i < 0 || len(frame) < at+i+6 {
			return false
		}
		at += i
		for _, d := range dois {
			if binary.BigEndian.Uint32(frame[at+2:]) == d && frame[at+1] >= 8 && frame[at+1] <= 40 {
				return true
			}
		}
	}
}
