package gate

// Bits is a set of numbers. Its zero value is empty.
type Bits struct{ words []uint64 }

// maxNumber bounds what a packet can make a set grow to.
const maxNumber = 1 << 32

// Set adds a number, and reports whether it was not there before. What is beyond
// all numbers of a load is never new.
func (b *Bits) Set(n uint64) bool {
	if n >= maxNumber {
		return false
	}
	for n/64 >= uint64(len(b.words)) {
		b.words = append(b.words, make([]uint64, max(1024, len(b.words)))...)
	}
	bit := uint64(1) << (n % 64)
	fresh := b.words[n/64]&bit == 0
	b.words[n/64] |= bit
	return fresh
}

// Has reports whether a number is in the set.
func (b *Bits) Has(n uint64) bool {
	return n/64 < uint64(len(b.words)) && b.words[n/64]>>(n%64)&1 == 1
}
