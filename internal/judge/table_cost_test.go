package judge

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/internal/config"
	"labelgate/internal/control"
	"labelgate/internal/load"
	"labelgate/netlabel"
)

// newLarge returns a Service by a policy of so many rules, hosts and labels.
func newLarge(t testing.TB, rules, hosts, labels int) *Service {
	t.Helper()
	b := engine.NewBuilder()
	all := make([]engine.Label, labels)
	for i := range all {
		l, err := b.Intern(fmt.Sprint("L", i))
		if err != nil {
			t.Fatal(err)
		}
		all[i] = l
	}
	f := b.File("accesses.d/site")
	for i := range rules {
		b.Set(all[i%labels], all[i/labels], engine.Write, f, i+1)
	}
	spec := netlabel.Spec{
		Generation: 1, Rules: b, DOIs: []netlabel.DOISpec{{Number: 3, Tags: []cipso.TagType{1}}},
		Zones: []netlabel.ZoneSpec{{Name: "all", Trust: netlabel.Accept, DOI: 3}},
	}
	for i := range hosts {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		spec.Hosts = append(spec.Hosts, hostmap.Entry{Prefix: netip.PrefixFrom(a, 32), Label: "L7", File: "netlabel.d/site", Line: i + 1})
	}
	snapshot, err := netlabel.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Links: newLinks()})
	g := &load.Gateway{Snapshot: snapshot, Config: &config.Config{Zones: []config.Zone{{Name: "all", Interfaces: []string{"red0"}}}}}
	s.live.store(newState(g, s.Links, s.counters, 1))
	return s
}

// TestPageCost: a page of a large table takes no more than one of a small table,
// wherever it is.
func TestPageCost(t *testing.T) {
	const limit = 1000
	small, large := newLarge(t, 2000, 2000, 2000), newLarge(t, 300_000, 60_000, 30_000)
	cost := func(s *Service, verb, cursor string) (bytes uint64, took time.Duration) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begun := time.Now()
		r, err := s.Table(control.Request{Verb: verb, Args: control.Args{Cursor: cursor, Limit: limit}})
		took = time.Since(begun)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		var rows []json.RawMessage
		if err := json.Unmarshal(r.Result.(json.RawMessage), &rows); err != nil || len(rows) != limit {
			t.Fatalf("%s from %q: %d rows, %v", verb, cursor, len(rows), err)
		}
		return after.TotalAlloc - before.TotalAlloc, took
	}
	for verb, last := range map[string]int{control.VerbRules: 298_000, control.VerbHosts: 58_000, control.VerbLabels: 57_000} {
		first, _ := cost(small, verb, "")
		for _, cursor := range []string{"", control.Cursor{Generation: 1, Position: uint64(last)}.String()} {
			bytes, took := cost(large, verb, cursor)
			t.Logf("%s from %q: %d KiB, %v", verb, cursor, bytes>>10, took)
			if bytes > 3*first/2 {
				t.Errorf("%s from %q: %d bytes are allocated for a page, %d where the table is small", verb, cursor, bytes, first)
			}
		}
	}
}

// TestLongLists: a zone may name more than fits into an answer.
func TestLongLists(t *testing.T) {
	const n = 40_000
	var networks []netip.Prefix
	var names, interfaces []string
	for i := range n {
		networks = append(networks, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24))
		names, interfaces = append(names, fmt.Sprint("L", i)), append(interfaces, fmt.Sprint("if", i))
	}
	snapshot, err := netlabel.Compile(netlabel.Spec{
		Generation: 1, DOIs: []netlabel.DOISpec{{Number: 3, Tags: []cipso.TagType{1}}},
		Zones: []netlabel.ZoneSpec{{Name: "all", Trust: netlabel.Accept, DOI: 3, Networks: networks, Only: names}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Links: newLinks()})
	s.live.store(newState(&load.Gateway{Snapshot: snapshot, Config: &config.Config{Zones: []config.Zone{{Name: "all", Interfaces: interfaces}}}}, s.Links, s.counters, 1))
	rows := show[control.Zone](t, s, control.VerbZones, 0)
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	z := rows[0]
	for _, l := range []struct {
		name      string
		len, more int
	}{{"networks", len(z.Networks), z.NetworksMore}, {"only", len(z.Only), z.OnlyMore}, {"links", len(z.Links), z.LinksMore}} {
		if l.len != control.MaxList || l.len+l.more != n {
			t.Errorf("%s: %d, and %d more", l.name, l.len, l.more)
		}
	}
}
