package cipso

// Label is what a tag carries: a sensitivity level and a set of categories.
// The zero value is level 0 without categories. Labels are equal, also with
// ==, exactly when they mean the same: "no categories" has one form, however
// it was written on the wire. A Label may be copied; it holds no references.
type Label struct {
	Level      uint8
	Categories Categories
}

// Equal reports whether both mean the same. It compares only what is in use
// and is cheaper than ==.
func (l *Label) Equal(other *Label) bool {
	return l.Level == other.Level && l.Categories.Equal(&other.Categories)
}

// Hash returns a hash of the label. It is the same in every process, so it
// must not be used for a table that strangers can fill. It does not allocate.
func (l *Label) Hash() uint64 {
	// FNV-1a over 32-bit words, then the finalizer of MurmurHash3: the low
	// bits of plain FNV depend only on the low bits of its input.
	const prime = 1099511628211
	h := (14695981039346656037 ^ uint64(l.Level)) * prime
	for _, r := range l.Categories.Ranges() {
		h = (h ^ (uint64(r.Low)<<16 | uint64(r.High))) * prime
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
