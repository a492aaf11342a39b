package cipso

// FaultCode says what is wrong with an option. The zero value is no fault.
type FaultCode uint8

// What can be wrong, in the order in which it is looked for. The comment gives
// Fault.Offset; t is the offset of the tag inside the option.
const (
	NoFault FaultCode = iota

	FaultNotCIPSO         // 0: the first byte is not 134
	FaultOptionShort      // 1: length below 8; 0 when it is below 2, which no option may have
	FaultOptionTruncated  // 0: length past the end of the header
	FaultSecondOption     // 0: one datagram carries at most one; for whoever walks the options
	FaultDOIZero          // 2
	FaultDOIUnknown       // 2
	FaultTagUnknown       // t: reserved, or nobody has defined it
	FaultTagNotAllowed    // t: a known type that this DOI does not use
	FaultTagTrailingByte  // t: a type without a length
	FaultTagLength        // t+1: below 4, or past the end of the option; of the reserved type 0 past the end
	FaultTagLocal         // t: type 128 must not come off a wire
	FaultLevelUnmapped    // t+3: for whoever translates between DOIs
	FaultCategoryUnmapped // t+4: for whoever translates between DOIs
	FaultCategoryEncoding // t+4: odd length, or not in the order that the type prescribes

	FaultAlignment     // t+2: the alignment byte is not 0; strict only
	FaultCategoryRange // t+4: category 65535, or a range with low above high; strict only
	FaultSecondTag     // t of the second tag; strict only
	FaultNonCanonical  // t+1 where fewer bytes would do, else t+4; strict only
	faultCodes
)

// String returns the name of the code for records and metrics, such as
// "tag-length", or "none".
func (c FaultCode) String() string {
	switch c {
	case NoFault:
		return "none"
	case FaultNotCIPSO:
		return "not-cipso"
	case FaultOptionShort:
		return "option-short"
	case FaultOptionTruncated:
		return "option-truncated"
	case FaultSecondOption:
		return "second-option"
	case FaultDOIZero:
		return "doi-zero"
	case FaultDOIUnknown:
		return "doi-unknown"
	case FaultTagUnknown:
		return "tag-unknown"
	case FaultTagNotAllowed:
		return "tag-not-allowed"
	case FaultTagTrailingByte:
		return "tag-trailing-byte"
	case FaultTagLength:
		return "tag-length"
	case FaultTagLocal:
		return "tag-local"
	case FaultLevelUnmapped:
		return "level-unmapped"
	case FaultCategoryUnmapped:
		return "category-unmapped"
	case FaultCategoryEncoding:
		return "category-encoding"
	case FaultAlignment:
		return "alignment"
	case FaultCategoryRange:
		return "category-range"
	case FaultSecondTag:
		return "second-tag"
	case FaultNonCanonical:
		return "noncanonical"
	}
	return "unknown"
}

// Fault is what is wrong with an option and where. The zero value is no fault.
type Fault struct {
	Code   FaultCode
	Offset uint8 // of the offending byte, from the option's type byte
}

// Pointer returns the value of the pointer field of an ICMP parameter problem
// (RFC 792, type 12 code 0) about the fault: the offset of the offending byte
// in the datagram. optionOffset is where the option's type byte is, counted
// from the first byte of the IPv4 header: 20 for the first option.
func (f Fault) Pointer(optionOffset int) int { return optionOffset + int(f.Offset) }
