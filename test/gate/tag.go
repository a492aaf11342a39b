package gate

import "encoding/binary"

// TagLen is the length in bytes of what ends the payload of every packet of a
// load: a word that nothing else says, and a tag.
const TagLen = 24

// tag says of a packet of a load what it is.
type tag struct {
	kind   int    // number of its kind
	frame  int    // which of the kind's frames it is
	number uint64 // no other packet of the load has it; frames of a datagram count up
	sent   int64  // nanoseconds since 1970
}

var tagWord = [4]byte{0xc5, 'g', 't', 0x9e}

// put writes a tag at the end of b.
func (t tag) put(b []byte) {
	b = b[len(b)-TagLen:]
	copy(b, tagWord[:])
	binary.LittleEndian.PutUint16(b[4:], uint16(t.kind))
	binary.LittleEndian.PutUint16(b[6:], uint16(t.frame))
	binary.LittleEndian.PutUint64(b[8:], t.number)
	binary.LittleEndian.PutUint64(b[16:], uint64(t.sent))
}

// readTag reads the tag at the end of b, and reports whether there is one.
func readTag(b []byte) (t tag, ok bool) {
	if len(b) < TagLen {
		return t, false
	}
	b = b[len(b)-TagLen:]
	if [4]byte(b) != tagWord {
		return t, false
	}
	return tag{
		kind: int(binary.LittleEndian.Uint16(b[4:])), frame: int(binary.LittleEndian.Uint16(b[6:])),
		number: binary.LittleEndian.Uint64(b[8:]), sent: int64(binary.LittleEndian.Uint64(b[16:])),
	}, true
}
