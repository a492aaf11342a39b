package ipv4

// FaultCode says why a packet cannot be used. The zero value is no fault.
type FaultCode uint8

// The faults of a header, in the order in which Parse looks for them.
const (
	NoFault              FaultCode = iota
	FaultShort                     // fewer than 20 bytes
	FaultVersion                   // not version 4
	FaultHeaderLength              // IHL below 5, or a header longer than the packet
	FaultTotalLength               // total length below the header's, or past the bytes there are
	FaultChecksum                  // header checksum
	FaultOptionLength              // an option without length, with one below 2, or past the header
	FaultSecondCIPSO               // a second CIPSO option
	FaultOptionMalformed           // a route, timestamp or alert option that Linux refuses
	FaultDataAfterEnd              // something other than zero behind the end of the list; Strict only
	FaultFragmentRange             // a fragment that ends past 65535 bytes; Strict only

	faultCodes
)

var faultNames = [faultCodes]string{
	NoFault:              "none",
	FaultShort:           "short",
	FaultVersion:         "version",
	FaultHeaderLength:    "header-length",
	FaultTotalLength:     "total-length",
	FaultChecksum:        "checksum",
	FaultOptionLength:    "option-length",
	FaultSecondCIPSO:     "second-cipso",
	FaultOptionMalformed: "option-malformed",
	FaultDataAfterEnd:    "data-after-end",
	FaultFragmentRange:   "fragment-range",
}

// String returns the constant name of c as records and metrics show it.
func (c FaultCode) String() string {
	if c < faultCodes {
		return faultNames[c]
	}
	return "unknown"
}

// Fault is what Parse found wrong. The zero value is no fault.
type Fault struct {
	Code FaultCode
	// Pointer is the offset of the offending byte from the start of the header,
	// as an ICMP parameter problem (RFC 792, type 12 code 0) reports it. It is 0
	// for the faults that no router answers: all that are not in the options.
	Pointer uint8
}
