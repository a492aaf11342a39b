package netlabel

import "net/netip"

func isBroadcast(a netip.Addr) bool {
	return a.Is4() && a.As4() == [4]byte{255, 255, 255, 255}
}

// isMartian reports whether no packet on a link can come from an address: this
// network (0/8), loopback (127/8), multicast, and the reserved class E with the
// broadcast address at its end. RFC 1812 section 5.3.7.
func isMartian(a netip.Addr) bool {
	if !a.Is4() {
		return true
	}
	first := a.As4()[0]
	return first == 0 || first == 127 || first >= 224
}

// isNowhere reports whether no packet on a link can go to an address: this network
// (0/8) and loopback (127/8), also where a zone holds every address. RFC 1122 section
// 3.2.1.3. To the kernel the latter is one of this machine's own.
func isNowhere(a netip.Addr) bool {
	if !a.Is4() {
		return true
	}
	first := a.As4()[0]
	return first == 0 || first == 127
}
