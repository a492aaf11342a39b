package hostmap

import (
	"errors"
	"math"
	"net/netip"

	"github.com/gaissmai/bart"
)

// MaxZones is how many zones a table can tell apart.
const MaxZones = math.MaxUint8

// Builder collects entries. It belongs to one goroutine.
type Builder struct {
	entries []Entry
	bound   map[string]*trie // by zone; "" is the unbound ones
}

// trie holds the entries of one zone, or the unbound ones.
type trie = bart.Table[int32]

// NewBuilder returns an empty one.
func NewBuilder() *Builder {
	return &Builder{bound: make(map[string]*trie)}
}

// Add takes an entry. Entries are numbered from 0 in the order in which they
// were taken. An IPv4-mapped IPv6 prefix is taken for the IPv4 prefix in it. The
// error is a *DuplicateError, *PrefixError or *LimitError; then nothing was taken.
func (b *Builder) Add(e Entry) error {
	if !e.Prefix.IsValid() {
		return &PrefixError{e}
	}
	if len(b.entries) >= math.MaxInt32 {
		return &LimitError{"entries", math.MaxInt32}
	}
	e.Prefix = canonical(e.Prefix)
	t := b.bound[e.Zone]
	if t == nil {
		t = new(trie)
		b.bound[e.Zone] = t
	}
	if earlier, ok := t.Get(e.Prefix); ok {
		return &DuplicateError{e, b.entries[earlier]}
	}
	t.Insert(e.Prefix, int32(len(b.entries)))
	b.entries = append(b.entries, e)
	return nil
}

// canonical clears host bits and unmaps: one set of addresses has one name.
func canonical(p netip.Prefix) netip.Prefix {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// Build makes the table and leaves the builder empty. The zone of index 0 is
// none, that of index i+1 is zones[i]. The error holds a *ZoneError for each
// entry that is bound to another zone, or is a *LimitError.
func (b *Builder) Build(zones []string) (*Table, error) {
	if len(zones) > MaxZones {
		return nil, &LimitError{"zones", MaxZones}
	}
	if err := b.unknown(zones); err != nil {
		return nil, err
	}
	t := &Table{entries: b.entries, bits: make([]uint8, len(b.entries)), bound: make([]*trie, len(zones)+1)}
	for i := range b.entries {
		t.bits[i] = uint8(b.entries[i].Prefix.Bits())
	}
	if t.common = b.bound[""]; t.common == nil {
		t.common = new(trie)
	}
	for i, zone := range zones {
		if zone != "" {
			t.bound[i+1] = b.bound[zone]
		}
	}
	t.labeled = b.labeled()
	*b = *NewBuilder()
	return t, nil
}

func (b *Builder) unknown(zones []string) error {
	known := map[string]bool{"": true}
	for _, z := range zones {
		known[z] = true
	}
	for zone := range b.bound {
		if known[zone] {
			continue
		}
		var errs []error
		for i := range b.entries {
			if !known[b.entries[i].Zone] {
				errs = append(errs, &ZoneError{b.entries[i]})
			}
		}
		return errors.Join(errs...)
	}
	return nil
}

// labeled says for each entry which one answers when -CIPSO entries are not
// looked at: itself, or the next shorter labeled one of the same trie, or none.
// All prefixes that hold one address are nested, so that one is the same for
// every address whose longest prefix this is. Nil when there is no CIPSO entry.
func (b *Builder) labeled() []int32 {
	var carry []int32
	for i := range b.entries {
		if b.entries[i].Kind == CIPSO {
			carry = append(carry, int32(i))
		}
	}
	if len(carry) == 0 {
		return nil
	}
	labeled := make([]int32, len(b.entries))
	for i := range labeled {
		labeled[i] = int32(i)
	}
	for _, i := range carry {
		labeled[i] = b.shorter(i)
	}
	return labeled
}

// shorter returns the next shorter labeled entry, or -1.
func (b *Builder) shorter(i int32) int32 {
	t, p := b.bound[b.entries[i].Zone], b.entries[i].Prefix
	for p.Bits() > 0 {
		p = netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked()
		wider, j, ok := t.LookupPrefixLPM(p)
		if !ok {
			return -1
		}
		if b.entries[j].Kind != CIPSO {
			return j
		}
		p = wider
	}
	return -1
}
