package links

import (
	"maps"
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
	links     map[uint32]Link
	addresses addresses
	metrics   map[uint32]int // smallest MTU of routes by interface, of 0 for every one
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

// LinkMTU returns the MTU of the interface with this index, 0 if it is not known.
func (t *Table) LinkMTU(index uint32) int { return t.links[index].MTU }

// MTU returns the most bytes that a packet may have to leave by each of the zone's
// interfaces and each IPv4 route out of them, whatever table it is in: the smallest
// MTU. It is 0 if the zone has no interface. A route's own MTU that is more than
// its link's is none. What the kernel has learnt about paths does not count; it
// does not forward by it.
func (t *Table) MTU(zone uint8) int {
	smallest := 0
	for _, l := range t.links {
		if l.Zone != zone {
			continue
		}
		for _, mtu := range [...]int{l.MTU, t.metrics[l.Index], t.metrics[0]} {
			if mtu != 0 && (smallest == 0 || mtu < smallest) {
				smallest = mtu
			}
		}
	}
	return smallest
}

// Links returns all links, by index.
func (t *Table) Links() []Link {
	return slices.SortedFunc(maps.Values(t.links), func(a, b Link) int { return int(a.Index) - int(b.Index) })
}

// without returns a table that does not know the interface with this index.
func (t *Table) without(index uint32) *Table {
	c := *t
	c.links = maps.Clone(t.links)
	delete(c.links, index)
	return &c
}

// zoned returns a table with the zones given anew.
func (t *Table) zoned(zones map[string]uint8) *Table {
	c := *t
	c.links = make(map[uint32]Link, len(t.links))
	for i, l := range t.links {
		l.Zone = zones[l.Name]
		c.links[i] = l
	}
	return &c
}

// routed returns a table with the MTUs of routes given anew.
func (t *Table) routed(metrics map[uint32]int) *Table {
	c := *t
	c.metrics = metrics
	return &c
}

func (t *Table) equal(o *Table) bool {
	return maps.Equal(t.links, o.links) && t.addresses.equal(o.addresses) && maps.Equal(t.metrics, o.metrics)
}
