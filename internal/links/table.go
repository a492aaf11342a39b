package links

import (
	"maps"
	"net/netip"
	"slices"
)

// Link is a network interface at one moment.
type Link struct {
	// Index is the kernel's number for it, unique while it exists.
	Index uint32
	// Name is its name, by which zones are defined.
	Name string
	// Zone is the number of the zone it belongs to, 0 for none.
	Zone uint8
	// MTU is the most bytes of an IP packet that it sends at once.
	MTU int
	// Up says that it was switched on.
	Up bool
	// Master is the index of the bridge, bond or VRF that it is a part of, 0 for
	// none. Its packets come in by that.
	Master uint32
}

// Table is what was known of the links at one moment. It never changes and may be
// shared by any number of goroutines. The zero value knows nothing.
type Table struct {
	links      map[uint32]Link
	addresses  map[netip.Addr]struct{}
	broadcasts map[netip.Addr]struct{}
}

// Zone returns the zone and the MTU of the interface with this index. It reports
// false when the interface is not known, or not known any more; its packets must
// not be taken for anybody's. An interface that is in no zone has zone 0.
func (t *Table) Zone(index uint32) (zone uint8, mtu int, ok bool) {
	l, ok := t.links[index]
	return l.Zone, l.MTU, ok
}

// Name returns the interface's name, or "" if it is not known.
func (t *Table) Name(index uint32) string { return t.links[index].Name }

// MTU returns the smallest MTU of the zone's interfaces, 0 if it has none.
func (t *Table) MTU(zone uint8) int {
	smallest := 0
	for _, l := range t.links {
		if l.Zone == zone && (smallest == 0 || l.MTU < smallest) {
			smallest = l.MTU
		}
	}
	return smallest
}

// Local reports whether the address is one of this machine's own. An IPv4 address
// may be written as an IPv6 one.
func (t *Table) Local(a netip.Addr) bool {
	_, ok := t.addresses[a.Unmap().WithZone("")]
	return ok
}

// Broadcast reports whether the address stands for everybody on a subnet that one
// of the interfaces is in.
func (t *Table) Broadcast(a netip.Addr) bool {
	_, ok := t.broadcasts[a]
	return ok
}

// Links returns all links, by index.
func (t *Table) Links() []Link {
	return slices.SortedFunc(maps.Values(t.links), func(a, b Link) int { return int(a.Index) - int(b.Index) })
}

// without returns a table that does not know the interface with this index.
func (t *Table) without(index uint32) *Table {
	links := maps.Clone(t.links)
	delete(links, index)
	return &Table{links: links, addresses: t.addresses, broadcasts: t.broadcasts}
}

// zoned returns a table with the zones given anew.
func (t *Table) zoned(zones map[string]uint8) *Table {
	links := make(map[uint32]Link, len(t.links))
	for i, l := range t.links {
		l.Zone = zones[l.Name]
		links[i] = l
	}
	return &Table{links: links, addresses: t.addresses, broadcasts: t.broadcasts}
}

func (t *Table) equal(o *Table) bool {
	return maps.Equal(t.links, o.links) && maps.Equal(t.addresses, o.addresses) && maps.Equal(t.broadcasts, o.broadcasts)
}
