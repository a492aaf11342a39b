package gate

import "encoding/binary"

// TagLen is the length in bytes of what ends the payload of every packet of a
// load: a word that nothing else says, the packet's kind, its number, which no
// other packet of the load has, and the time at which it was sent in nanoseconds.
const TagLen = 24

var tagWord = [4]byte{0xc5, 'g', 't', 0x9e}

// putTag writes a tag at the end of b.
func putTag(b []byte, kind int, number uint64, at int64) {
	t := b[len(b)-TagLen:]
	copy(t, tagWord[:])
	binary.LittleEndian.PutUint32(t[4:], uint32(kind))
	binary.LittleEndian.PutUint64(t[8:], number)
	binary.LittleEndian.PutUint64(t[16:], uint64(at))
}

// readTag reads the tag at the end of b, and reports whether there is one.
func readTag(b []byte) (kind int, number uint64, at int64, ok bool) {
	if len(b) < TagLen {
		return 0, 0, 0, false
	}
	t := b[len(b)-TagLen:]
	if [4]byte(t) != tagWord {
		return 0, 0, 0, false
	}
	return int(binary.LittleEndian.Uint32(t[4:])), binary.LittleEndian.Uint64(t[8:]), int64(binary.LittleEndian.Uint64(t[16:])), true
}
