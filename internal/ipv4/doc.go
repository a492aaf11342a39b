// Package ipv4 looks at one IPv4 packet (RFC 791) in place and writes its
// relabeled copy: the CIPSO option added, replaced, removed or blanked, every
// other option kept, lengths and checksums right. It does the same to the header
// that an ICMP error (RFC 792) quotes, and builds such errors.
//
// It knows where the CIPSO option stands, never what it says. Nothing here
// allocates, keeps state or returns an error: a bad packet yields a [Fault],
// whose pointer is the one that Linux puts into its ICMP parameter problem.
// Multi-byte fields are read from and written in network byte order; exported
// numbers are plain values.
package ipv4

// Limits of an IPv4 header, RFC 791 section 3.1, in bytes.
const (
	MinHeaderLen  = 20
	MaxHeaderLen  = 60
	MaxOptionsLen = MaxHeaderLen - MinHeaderLen
	MaxPacketLen  = 65535
)
