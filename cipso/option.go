package cipso

import "encoding/binary"

// Sizes of the option, in bytes, and of what a tag can name.
const (
	OptionType   = 134 // copied flag set, class 0, number 6 (RFC 791 section 3.1)
	HeaderLen    = 6   // type, length and the four bytes of the DOI
	MinOptionLen = 8   // a header and the smallest thing that can be called a tag
	MaxOptionLen = 40  // all options of one IPv4 header together (RFC 791)
	MaxCategory  = 65534
	MaxRanges    = 120 // what a full tag type 1 can need: every other one of 240 bits

	tagHeaderLen = 4 // type, length, alignment, level: the same in types 1, 2 and 5
)

// DOI is a domain of interpretation: who says what levels and categories mean.
// It travels as four bytes, most significant first. 0 is reserved and is never
// sent or accepted (CIPSO draft section 3.3).
type DOI uint32

// TagType is the first byte of a tag.
type TagType uint8

// The tag types that have a name. Only the restricted bitmap, the enumerated
// and the ranges tag are ever decoded or built; the others are known in order
// to be refused by name. 0, 3 and 4 are reserved, and what is above 127 belongs
// to the DOI.
const (
	TagRestricted TagType = 1   // categories 0..239 as a bitmap (CIPSO draft section 3.4.2)
	TagEnumerated TagType = 2   // up to 15 categories, ascending (section 3.4.3)
	TagRanges     TagType = 5   // up to 8 ranges, descending (section 3.4.4)
	TagPermissive TagType = 6   // FIPS 188: release markings as a bitmap
	TagFreeForm   TagType = 7   // FIPS 188: data that only the parties understand
	TagLocal      TagType = 128 // Linux: a security id of the sending machine, for loopback only
)

// String returns the lower-case name of the tag type, or "unknown".
func (t TagType) String() string {
	switch t {
	case TagRestricted:
		return "restricted"
	case TagEnumerated:
		return "enumerated"
	case TagRanges:
		return "ranges"
	case TagPermissive:
		return "permissive"
	case TagFreeForm:
		return "free-form"
	case TagLocal:
		return "local"
	}
	return "unknown"
}

// Option is a decoded option. It holds no reference to the packet and may be
// copied; one goroutine at a time may decode into it. Reuse one for many
// packets: half a kilobyte is cheaper kept than cleared.
type Option struct {
	DOI   DOI
	Tag   TagType
	Label Label

	// Unrepresentable is set when the option was accepted but names category
	// 65535, which no label can have: Linux lets it pass, and there it matches
	// nothing. Label then holds the remaining categories, and must not be
	// taken for a known label. Only Compat sets it.
	Unrepresentable bool
}

// AppendOption appends the one canonical encoding of the option, with exactly
// the tag type o.Tag and without padding. It returns dst unchanged and false
// if there is none: DOI 0, a tag type that is not built here, categories that
// the tag cannot carry, or an option that is Unrepresentable.
func AppendOption(dst []byte, o *Option) ([]byte, bool) {
	var b [MaxOptionLen]byte
	if o.Unrepresentable {
		return dst, false
	}
	n := put(&b, o.DOI, o.Tag, &o.Label)
	return append(dst, b[:n]...), n != 0
}

// put writes the canonical option to an array of zeroes and returns its
// length, or 0 with the array untouched.
func put(b *[MaxOptionLen]byte, doi DOI, tag TagType, l *Label) int {
	if doi == 0 {
		return 0
	}
	data := b[HeaderLen+tagHeaderLen:]
	var n int
	var ok bool
	switch tag {
	case TagRestricted:
		n, ok = putBitmap(data, &l.Categories)
	case TagEnumerated:
		n, ok = putEnumerated(data, &l.Categories)
	case TagRanges:
		n, ok = putRanges(data, &l.Categories)
	}
	if !ok {
		return 0
	}
	b[0] = OptionType
	b[1] = byte(HeaderLen + tagHeaderLen + n)
	binary.BigEndian.PutUint32(b[2:HeaderLen], uint32(doi))
	b[HeaderLen] = byte(tag)
	b[HeaderLen+1] = byte(tagHeaderLen + n)
	b[HeaderLen+3] = l.Level
	return HeaderLen + tagHeaderLen + n
}
