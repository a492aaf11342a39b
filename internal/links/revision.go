package links

import (
	"maps"
	"net/netip"
)

// numbered is a table and the zones that its numbers stand for.
type numbered struct {
	table    *Table
	revision uint32
}

// Numbered returns what is known now, and the revision of the zones by whose
// numbers: SetZones makes another one, nothing else does. Zone 2 of one revision
// is not zone 2 of another.
func (w *Watcher) Numbered() (t *Table, revision uint32) {
	n := w.current.Load()
	return n.table, n.revision
}

// NewTable returns a table of these links: what a Watcher would know. It is for
// those that have links to tell of without a kernel.
func NewTable(all ...Link) *Table {
	t := &Table{links: make(map[uint32]Link, len(all))}
	for _, l := range all {
		t.links[l.Index] = l
	}
	return t
}

// WithAddress returns a table in which the machine has an address, in a subnet of
// that size, too. It is for those of NewTable.
func (t *Table) WithAddress(p netip.Prefix) *Table {
	c := *t
	c.addresses = newAddresses(1)
	maps.Copy(c.addresses.v4, t.addresses.v4)
	maps.Copy(c.addresses.v6, t.addresses.v6)
	c.addresses.own(p.Addr())
	if last, ok := lastOf(p); ok {
		c.addresses.everybody(last)
	}
	return &c
}
