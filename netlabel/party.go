package netlabel

import (
	"labelgate/engine"
	"labelgate/hostmap"
)

// A party of a packet, its source or its destination, is an entry of the host
// table in a zone. What holds for one holds for the other.

// entryAt returns an entry by its index, nil for -1.
func (s *Snapshot) entryAt(i int32) *entry {
	if i < 0 {
		return nil
	}
	return &s.entries[i]
}

// spoken returns the domain that a party speaks, its entry's own before its
// zone's; nil for none. e may be nil.
func (s *Snapshot) spoken(z *zone, e *entry) *doi {
	i := z.doi
	switch {
	case e == nil:
	case e.doi >= 0:
		i = e.doi
	case e.via >= 0:
		i = e.via
	}
	if i < 0 {
		return nil
	}
	return &s.dois[i]
}

// accredits reports whether a label may come from or go to a party. e may be nil.
func accredits(z *zone, e *entry, l engine.Label) bool {
	return z.only.contains(l) && (e == nil || e.kind != hostmap.CIPSO || e.only.contains(l))
}
