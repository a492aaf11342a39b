package hostmap

import "net/netip"

// Table is a finished host table. It never changes; any number of goroutines may
// share it. A nil *Table cannot be used.
type Table struct {
	entries []Entry
	bits    []uint8 // prefix length by entry
	common  *trie   // the unbound entries
	bound   []*trie // by zone index; nil where nothing is bound to the zone
	labeled []int32 // see Builder.labeled; nil: every entry answers for itself
}

// Lookup returns the index of the entry that says what a is when it is met in
// zone, or -1. Entries of the zone and unbound ones count alike: the longest
// prefix wins, the zone's own where two are equally long. A zone that the table
// does not know has no entries of its own. 0.0.0.0 and ::1 are in no entry, not
// even in one for everything (as in Linux); an IPv4-mapped IPv6 address is the
// IPv4 address in it.
func (t *Table) Lookup(zone uint8, a netip.Addr) int32 {
	a, ok := host(a)
	if !ok {
		return -1
	}
	i := find(t.common, a)
	if int(zone) >= len(t.bound) || t.bound[zone] == nil {
		return i
	}
	return t.longer(i, find(t.bound[zone], a))
}

// LookupLabeled is Lookup in a table without its -CIPSO entries. Linux asks such
// a table for the label of a packet that carries none, so that -CIPSO for a
// network does not shield it from the label of a wider one. Where that is not
// wanted, ask Lookup.
func (t *Table) LookupLabeled(zone uint8, a netip.Addr) int32 {
	a, ok := host(a)
	if !ok {
		return -1
	}
	i := t.labeledBy(find(t.common, a))
	if int(zone) >= len(t.bound) || t.bound[zone] == nil {
		return i
	}
	return t.longer(i, t.labeledBy(find(t.bound[zone], a)))
}

// Entry returns entry i of the order in which Builder.Add took them; i is what a
// lookup returned. It must not be changed.
func (t *Table) Entry(i int32) *Entry {
	return &t.entries[i]
}

// Len is the number of entries.
func (t *Table) Len() int {
	return len(t.entries)
}

func find(t *trie, a netip.Addr) int32 {
	i, ok := t.Lookup(a)
	if !ok {
		return -1
	}
	return i
}

// longer chooses between an unbound entry and one of the zone.
func (t *Table) longer(unbound, bound int32) int32 {
	switch {
	case bound < 0:
		return unbound
	case unbound < 0 || t.bits[bound] >= t.bits[unbound]:
		return bound
	}
	return unbound
}

func (t *Table) labeledBy(i int32) int32 {
	if i < 0 || t.labeled == nil {
		return i
	}
	return t.labeled[i]
}

// host returns the address to look up. A scope zone (fe80::1%eth0) is not part
// of what the table is about.
func host(a netip.Addr) (netip.Addr, bool) {
	a = a.Unmap()
	switch {
	case !a.IsValid(), a.Is4() && a.IsUnspecified(), a.Is6() && a.WithZone("") == netip.IPv6Loopback():
		return a, false
	case a.Is6():
		a = a.WithZone("")
	}
	return a, true
}
