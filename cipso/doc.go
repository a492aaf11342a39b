// Package cipso reads and writes the Commercial IP Security Option: the bytes
// of IPv4 option 134 on one side; a domain of interpretation, a sensitivity
// level and a set of categories on the other. The format is the one of the
// CIPSO draft (draft-ietf-cipso-ipsecurity-01, later FIPS 188) with tag types 1,
// 2 and 5. The other known types are recognized in order to be refused.
//
// The package knows nothing of headers, hosts or policy. It imports only the
// standard library, starts nothing, keeps nothing, and on the packet path,
// which is all but ParseCategories and the mapped labels, it does not allocate.
//
// # Bytes
//
//	134 length DOI(4)   then one tag:
//	1 length 0 level    bitmap of categories 0..239, bit 0x80 of the first byte is category 0
//	2 length 0 level    categories 0..65534 as 16-bit numbers, ascending
//	5 length 0 level    ranges as pairs of 16-bit numbers, high end first, descending; a last low end of 0 is left out
//
// Numbers are most significant byte first. Lengths count the whole option and
// the whole tag. Padding to a multiple of four is no part of the option.
//
// # Two ways of reading
//
// A strict [Decoder], the default, takes an option only in the one form in
// which [AppendOption] writes its label: what it takes, it can give back byte
// for byte, and nobody can hide a message in the choice between two forms.
// With Compat it takes what a Linux host takes, and understands it in the same
// way: the first of several tags counts, the alignment byte is ignored,
// a bitmap may end in zeroes, and a range that ends before it begins is empty.
// Definition.AcceptNonCanonical lies in between. Whatever a laxer reader also
// takes means the same to each reader that takes it, and what Linux refuses
// has the same [Fault] for all of them.
//
// A packet never causes an error but a Fault: a code to count and the offset
// of the offending byte, which [Fault.Pointer] turns into what an ICMP
// parameter problem (RFC 792) needs. Offsets are those that Linux reports.
//
// # Labels
//
// A [Label] is a level and a set of [Categories], a plain value of fixed size
// that is compared with == or Equal. There is one form of each set, so labels
// are equal exactly when they mean the same; whether a tag spelt out that it
// has no categories, which Linux once took for a difference, does not show.
//
// Smack gives a label that has no mapping of its own one of two encodings. A
// label of up to 23 bytes is spelt by its categories ([DirectCategories],
// [DirectText]). Of a longer one they spell a number ([MappedCategories],
// [MappedID]) that means nothing on another machine.
package cipso
