package hostmap

import (
	"errors"
	"net/netip"
	"testing"
)

// table builds one of entries; zones are "red" (1) and "blue" (2).
func table(t testing.TB, entries ...Entry) *Table {
	t.Helper()
	b := NewBuilder()
	for _, e := range entries {
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := b.Build([]string{"red", "blue"})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func entry(prefix, zone string, kind Kind) Entry {
	return Entry{Prefix: netip.MustParsePrefix(prefix), Zone: zone, Kind: kind}
}

func TestLookup(t *testing.T) {
	tbl := table(t,
		entry("0.0.0.0/0", "", SingleLabel),        // 0
		entry("10.0.0.0/8", "", SingleLabel),       // 1
		entry("10.1.0.0/16", "", CIPSO),            // 2
		entry("10.1.2.0/24", "red", SingleLabel),   // 3
		entry("10.1.2.0/24", "", CIPSO),            // 4
		entry("10.1.2.3/32", "", SingleLabel),      // 5
		entry("10.0.0.0/8", "blue", CIPSO),         // 6
		entry("::/0", "", SingleLabel),             // 7
		entry("2001:db8::/32", "red", SingleLabel), // 8
		entry("::ffff:11.0.0.0/104", "", CIPSO),    // 9
		entry("::1/128", "", SingleLabel),          // 10
	)
	for _, tt := range []struct {
		name    string
		zone    uint8
		addr    string
		want    int32
		labeled int32
	}{
		{name: "everything", addr: "192.0.2.1", want: 0, labeled: 0},
		{name: "longer", addr: "10.9.9.9", want: 1, labeled: 1},
		{name: "cipso", addr: "10.1.9.9", want: 2, labeled: 1},
		{name: "cipso inside cipso", addr: "10.1.2.9", want: 4, labeled: 1},
		{name: "zone wins a tie", zone: 1, addr: "10.1.2.9", want: 3, labeled: 3},
		{name: "unbound is longer", zone: 1, addr: "10.1.2.3", want: 5, labeled: 5},
		{name: "bound cipso gives way to unbound label", zone: 2, addr: "10.9.9.9", want: 6, labeled: 1},
		{name: "bound is shorter", zone: 2, addr: "10.1.9.9", want: 2, labeled: 1},
		{name: "unknown zone", zone: 9, addr: "10.1.2.9", want: 4, labeled: 1},
		{name: "unspecified", addr: "0.0.0.0", want: -1, labeled: -1},
		{name: "mapped unspecified", addr: "::ffff:0.0.0.0", want: -1, labeled: -1},
		{name: "mapped", zone: 1, addr: "::ffff:10.1.2.9", want: 3, labeled: 3},
		{name: "mapped prefix", addr: "11.1.1.1", want: 9, labeled: 0},
		{name: "loopback 6", addr: "::1", want: -1, labeled: -1},
		{name: "loopback 6 with scope", addr: "::1%lo", want: -1, labeled: -1},
		{name: "loopback 4", addr: "127.0.0.1", want: 0, labeled: 0},
		{name: "six", addr: "2001:db8::1", want: 7, labeled: 7},
		{name: "six in zone", zone: 1, addr: "2001:db8::1", want: 8, labeled: 8},
		{name: "six with scope", zone: 1, addr: "2001:db8::1%eth0", want: 8, labeled: 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := netip.MustParseAddr(tt.addr)
			if got := tbl.Lookup(tt.zone, a); got != tt.want {
				t.Errorf("Lookup = %d, want %d", got, tt.want)
			}
			if got := tbl.LookupLabeled(tt.zone, a); got != tt.labeled {
				t.Errorf("LookupLabeled = %d, want %d", got, tt.labeled)
			}
		})
	}
	if got := tbl.Lookup(0, netip.Addr{}); got != -1 {
		t.Errorf("the zero address is in entry %d", got)
	}
	if tbl.Len() != 11 || tbl.Entry(3).Zone != "red" {
		t.Errorf("entries are not in the order in which they were added")
	}
}

func TestEmpty(t *testing.T) {
	tbl := table(t)
	if a := netip.MustParseAddr("192.0.2.1"); tbl.Lookup(0, a) != -1 || tbl.LookupLabeled(1, a) != -1 || tbl.Len() != 0 {
		t.Error("an empty table has an answer")
	}
}

func TestErrors(t *testing.T) {
	b := NewBuilder()
	add := func(prefix, zone string, line int) error {
		e := entry(prefix, zone, SingleLabel)
		e.File, e.Line = "hosts", line
		return b.Add(e)
	}
	for line, p := range []string{"10.0.0.9/24", "10.0.0.0/25", "::ffff:10.0.0.0/121"} {
		err := add(p, "", line+1)
		var dup *DuplicateError
		if line < 2 {
			if err != nil {
				t.Errorf("%s: %v", p, err)
			}
		} else if !errors.As(err, &dup) || dup.Earlier.Line != 2 || err.Error() != "10.0.0.0/25 has an entry already, at hosts:2" {
			t.Errorf("%s: %v", p, err)
		}
	}
	if err := add("10.0.0.0/24", "red", 4); err != nil {
		t.Errorf("the same prefix in a zone: %v", err)
	}
	if err := add("10.0.0.1/24", "red", 5); err == nil || err.Error() != `10.0.0.0/24 in zone "red" has an entry already, at hosts:4` {
		t.Errorf("twice in a zone: %v", err)
	}
	var prefix *PrefixError
	if err := b.Add(Entry{File: "hosts", Line: 6}); !errors.As(err, &prefix) || err.Error() != "hosts:6: entry without a prefix" {
		t.Errorf("no prefix: %v", err)
	}
	var zone *ZoneError
	if _, err := b.Build([]string{"blue"}); !errors.As(err, &zone) || err.Error() != `the entry for 10.0.0.0/24 (hosts:4) is bound to zone "red", which does not exist` {
		t.Errorf("unknown zone: %v", err)
	}
	var limit *LimitError
	if _, err := b.Build(make([]string, 256)); !errors.As(err, &limit) || err.Error() != "the host table holds at most 255 zones" {
		t.Errorf("256 zones: %v", err)
	}
	if tbl, err := b.Build([]string{"red"}); err != nil || tbl.Len() != 3 {
		t.Errorf("after all that: %v", err)
	}
	if tbl, err := b.Build(nil); err != nil || tbl.Len() != 0 {
		t.Errorf("the builder is not empty after Build")
	}
}

func TestNoAllocations(t *testing.T) {
	tbl := table(t,
		entry("0.0.0.0/0", "", SingleLabel), entry("10.0.0.0/8", "red", CIPSO), entry("10.1.0.0/16", "", CIPSO),
		entry("2001:db8::/32", "", SingleLabel), entry("fe80::/10", "red", SingleLabel),
	)
	for _, s := range []string{"10.1.2.3", "192.0.2.1", "::ffff:10.1.2.3", "2001:db8::1", "fe80::1%eth0", "::1", "0.0.0.0"} {
		a := netip.MustParseAddr(s)
		var sum int32
		if n := testing.AllocsPerRun(100, func() { sum += tbl.Lookup(1, a) + tbl.LookupLabeled(1, a) }); n != 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}
