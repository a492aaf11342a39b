package ipv4

// ICMP types and codes that this package tells apart (RFC 792, RFC 1191, RFC 1108).
const (
	icmpUnreachable      = 3
	icmpQuench           = 4
	icmpRedirect         = 5
	icmpTimeExceeded     = 11
	icmpParameterProblem = 12

	codeTooBig        = 4 // of unreachable: fragmentation needed, and forbidden
	codeOptionMissing = 1 // of parameter problem: the pointer is an option's type
)

const (
	icmpHeaderLen = 8
	offICMPSum    = 2
	offPointer    = 4 // of parameter problem
	offQuoteWords = 5 // RFC 4884: the length of the quote in 32-bit words
	offNextMTU    = 6 // RFC 1191
	offICMPID     = 4 // of queries
	offHeaderSum  = 10

	// maxErrorLen is how long an error may be with its IP header, RFC 1812 section
	// 4.3.2.3: every host takes a datagram of this size.
	maxErrorLen = 576
	// minMTU is the least MTU of a link, RFC 791 section 3.2.
	minMTU = 68
)

// isError reports whether messages of an ICMP type quote the datagram they are about.
func isError(kind uint8) bool {
	switch kind {
	case icmpUnreachable, icmpQuench, icmpRedirect, icmpTimeExceeded, icmpParameterProblem:
		return true
	}
	return false
}

// isQuery reports whether an ICMP type is one of the questions and answers of RFC
// 1122 section 3.2.2, all of which have an identifier: echo, timestamp, information
// and address mask.
func isQuery(kind uint8) bool {
	switch kind {
	case 0, 8, 13, 14, 15, 16, 17, 18:
		return true
	}
	return false
}
