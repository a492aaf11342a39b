package links

import (
	"encoding/binary"
	"iter"
	"net/netip"

	"golang.org/x/sys/unix"
)

// attributeObject holds the number of a next hop that is kept apart from its
// routes (RTA_NH_ID).
const attributeObject = 30

// routeKey is what routes are told apart by when one replaces another.
type routeKey struct {
	table, priority uint32
	dst             [4]byte
	bits, tos       uint8
}

// route is what the kernel says of an IPv4 route. It is valid as long as the
// message that it was read from.
type route struct {
	routeKey
	kind   uint8  // what becomes of the packets: RTN_UNICAST and so on
	flags  uint32 // RTM_F_...
	out    uint32 // interface index, 0 for none or for several
	mtu    uint32 // its own MTU, 0 if it has none
	locked bool   // no MTU may be learnt for it
	object bool   // its next hop is kept apart from it and may change alone

	gateway  netip.Addr
	expires  bool // the MTU may be one that was learnt
	encap    uint16
	wrapping []byte // attributes of the encapsulation
	paths    []byte // next hops if there are several
}

// parseRoute reads the body of a route message. It reports false when that is not
// about an IPv4 route.
func parseRoute(b []byte) (r route, ok bool) {
	if len(b) < unix.SizeofRtMsg || b[0] != unix.AF_INET {
		return route{}, false
	}
	r.bits, r.tos, r.table, r.kind = b[1], b[3], uint32(b[4]), b[7]
	r.flags = binary.NativeEndian.Uint32(b[8:])
	for kind, v := range attributes(b[unix.SizeofRtMsg:]) {
		switch kind {
		case unix.RTA_DST:
			copy(r.dst[:], v)
		case unix.RTA_TABLE:
			r.table = number(v)
		case unix.RTA_PRIORITY:
			r.priority = number(v)
		case unix.RTA_OIF:
			r.out = number(v)
		case unix.RTA_GATEWAY:
			r.gateway, _ = netip.AddrFromSlice(v)
		case unix.RTA_VIA: // the family of the address comes first (RFC 8950: it may be IPv6)
			if len(v) > 2 {
				r.gateway, _ = netip.AddrFromSlice(v[2:])
			}
		case unix.RTA_METRICS:
			for metric, v := range attributes(v) {
				switch metric {
				case unix.RTAX_MTU:
					r.mtu = number(v)
				case unix.RTAX_LOCK:
					r.locked = number(v)&(1<<unix.RTAX_MTU) != 0
				}
			}
		case unix.RTA_CACHEINFO: // the third number is the time left
			r.expires = len(v) >= 12 && number(v[8:]) != 0
		case attributeObject:
			r.object = true
		case unix.RTA_MULTIPATH:
			r.paths = v
		case unix.RTA_ENCAP_TYPE:
			if len(v) >= 2 {
				r.encap = binary.NativeEndian.Uint16(v)
			}
		case unix.RTA_ENCAP:
			r.wrapping = v
		}
	}
	return r, true
}

// outs walks through the interfaces that the route leads to: the one, or those of
// its next hops. A next hop that is kept apart may not be named; that is 0.
func (r *route) outs() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		if r.out != 0 || r.paths == nil && r.object {
			yield(r.out)
			return
		}
		for b := r.paths; len(b) >= unix.SizeofRtNexthop; {
			n := int(binary.NativeEndian.Uint16(b))
			if n < unix.SizeofRtNexthop || n > len(b) {
				return
			}
			if !yield(binary.NativeEndian.Uint32(b[4:])) {
				return
			}
			b = b[min(aligned(n), len(b)):]
		}
	}
}

// limits reports whether the route sends packets on, with an MTU of its own. What
// the kernel has learnt about a path on the way does not count.
func (r *route) limits() bool {
	return r.mtu != 0 && r.kind == unix.RTN_UNICAST && r.flags&unix.RTM_F_CLONED == 0
}

// Encapsulations that a route may add.
const (
	encapNone = 0
	encapMPLS = 1
	encapIP   = 2
	encapIP6  = 4

	mplsLabels = 1 // the attribute with the labels
)

// headroom returns how many bytes less than the link's the route's packets may
// have. It reports false when that is not known: segment routing and BPF programs
// make other packets of them, which are measured elsewhere.
func (r *route) headroom() (n int, ok bool) {
	switch r.encap {
	case encapNone, encapIP, encapIP6: // the tunnel is a link and has its own MTU
		return 0, true
	case encapMPLS:
		for kind, v := range attributes(r.wrapping) {
			if kind == mplsLabels {
				n = len(v)
			}
		}
		return n, true
	}
	return 0, false
}
