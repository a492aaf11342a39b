package fragment

// Result says what is to become of a piece. All but Fits drop it; the zero value
// does.
type Result uint8

// What can be found. Those marked "condemns" let no further piece of the datagram
// pass either.
const (
	Condemned     Result = iota // its datagram was condemned before
	Full                        // no room to remember another datagram
	LabelMismatch               // condemns: another label than the datagram's first piece, or one where that had none, or none
	Misaligned                  // condemns: no bytes, or more to follow and not a multiple of 8 (RFC 791 section 3.2)
	TooLong                     // condemns: past 65535 bytes, past the end, or the end is elsewhere
	Overlap                     // condemns: some of its bytes were seen, some not
	Scattered                   // condemns: more separate ranges than are remembered
	Duplicate                   // all its bytes were seen; it alone is dropped
	Fits                        // may go on
	results
)

var names = [results]string{
	Condemned:     "condemned",
	Full:          "full",
	LabelMismatch: "label-mismatch",
	Misaligned:    "misaligned",
	TooLong:       "too-long",
	Overlap:       "overlap",
	Scattered:     "scattered",
	Duplicate:     "duplicate",
	Fits:          "fits",
}

// String returns the word used in records.
func (r Result) String() string {
	if r < results {
		return names[r]
	}
	return "unknown"
}
