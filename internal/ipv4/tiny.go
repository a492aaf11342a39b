package ipv4

// headLen is what an attack with small or overlapping fragments is after: the
// longest IP header and the fixed part of the longest layer-4 header (TCP). The
// header that an ICMP error quotes, with its options and the 8 bytes behind it, ends
// before that too.
const headLen = MaxHeaderLen + 20

// Tiny reports whether a fragment hides or could replace what a filter looks at: a
// first fragment without the whole fixed part of its layer-4 header (8 bytes are
// asked of protocols unknown here), or a later one that begins before byte 80, where
// it could overwrite that header or carry a part of it (RFC 1858, RFC 3128). Not for
// a View in which Parse found a fault before the options.
func (v *View) Tiny() bool {
	if v.FragmentOffset != 0 {
		return v.FragmentOffset < headLen
	}
	return v.MoreFragments && len(v.Packet)-v.HeaderLen < fixedLen(v.Proto)
}
