package links

import (
	"encoding/binary"
	"maps"
	"net/netip"
)

// role is what an address is to this machine.
type role uint8

const (
	roleOwn role = 1 << iota
	roleEverybody
)

// addresses are those of the machine's interfaces. Packets ask for them one by
// one, so IPv4 addresses are numbers, which the map finds fastest. The zero value
// has none.
type addresses struct {
	v4 map[uint32]role
	v6 map[netip.Addr]struct{}
}

func newAddresses(n int) addresses {
	return addresses{make(map[uint32]role, 2*n), make(map[netip.Addr]struct{})}
}

func key(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// own takes up an address of the machine.
func (s *addresses) own(a netip.Addr) {
	if a.Is4() {
		s.v4[key(a)] |= roleOwn
	} else {
		s.v6[a] = struct{}{}
	}
}

// everybody takes up an address that stands for all hosts of a subnet.
func (s *addresses) everybody(a netip.Addr) {
	if a.Is4() {
		s.v4[key(a)] |= roleEverybody
	}
}

func (s *addresses) equal(o addresses) bool {
	return maps.Equal(s.v4, o.v4) && maps.Equal(s.v6, o.v6)
}

// role returns what an address is; an IPv4 one may be written as IPv6.
func (s *addresses) role(a netip.Addr) role {
	if a = a.Unmap(); a.Is4() {
		return s.v4[key(a)]
	}
	if _, known := s.v6[a.WithZone("")]; known {
		return roleOwn
	}
	return 0
}

// Local reports whether the address is one of this machine's own. An IPv4 address
// may be written as an IPv6 one.
func (t *Table) Local(a netip.Addr) bool { return t.addresses.role(a)&roleOwn != 0 }

// Broadcast reports whether the address stands for everybody on a subnet that one
// of the interfaces is in (RFC 1812 section 4.2.3.1).
func (t *Table) Broadcast(a netip.Addr) bool { return t.addresses.role(a)&roleEverybody != 0 }

// Martian reports whether no packet from outside can come from this address: it is
// one of this machine's own, or stands for everybody on one of its subnets (RFC
// 1812 section 5.3.7). Linux forwards from the latter where rp_filter is off.
// Addresses that are nobody's anywhere are not looked for.
func (t *Table) Martian(src netip.Addr) bool { return t.addresses.role(src) != 0 }
