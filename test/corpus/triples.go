package corpus

import "encoding/binary"

// Triples is how many triples there are of an option length of 2 to 40, a tag
// type and a tag length.
const Triples = (maxArea - 1) * 256 * 256

// Triple writes the option area number n, of 0 to Triples-1, in which a CIPSO
// option and its first tag say of themselves what they like. The categories
// behind are in the order that the type prescribes, as far as they go. It returns
// the area, in whole words.
func Triple(b *[maxArea]byte, doi uint32, n int) []byte {
	length, kind, tagLength := 2+n>>16, byte(n>>8), byte(n)
	*b = [maxArea]byte{typeCIPSO, byte(length)}
	binary.BigEndian.PutUint32(b[2:], doi)
	b[6], b[7], b[8], b[9] = kind, tagLength, 0, byte(n>>3)
	for i := 10; i+1 < maxArea; i += 2 {
		v := uint16(i * 3)
		if kind == 5 {
			v = uint16(60000 - 7*i)
		}
		binary.BigEndian.PutUint16(b[i:], v)
	}
	clear(b[length:])
	return b[:(length+3)&^3]
}
