package hostile

import (
	"net/netip"
	"testing"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/netlabel"
)

// hosts are the addresses that packets go between: of every kind of entry, and
// without one.
var hosts = [][4]byte{
	{10, 1, 0, 1}, {10, 1, 0, 2}, // red, which requires labels in DOI 3
	{10, 2, 0, 1},                                              // blue, which requires them in DOI 16
	{10, 3, 0, 1}, {10, 3, 1, 1}, {10, 3, 2, 1}, {10, 3, 9, 9}, // green, which accepts them in DOI 3
	{10, 3, 3, 1}, {10, 3, 4, 1}, {10, 3, 5, 1},
	{10, 4, 0, 1}, {10, 4, 0, 2}, {10, 4, 0, 3}, {10, 4, 0, 4}, {10, 4, 0, 5}, {10, 4, 0, 6}, {10, 4, 9, 9}, // gray, which refuses them
	{10, 5, 0, 1}, // picky
	{10, 6, 0, 1}, // plain, whose hosts have one label
}

// newPolicy is a perimeter with something of everything.
func newPolicy(t *testing.T, mode netlabel.Mode) *netlabel.Snapshot {
	t.Helper()
	b := engine.NewBuilder()
	f := b.File("rules")
	label := func(name string) engine.Label {
		l, err := b.Intern(name)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	allow := func(line int, subject, object, access string) {
		a, err := engine.ParseAccess(access)
		if err != nil {
			t.Fatal(err)
		}
		b.Set(label(subject), label(object), a, f, line)
	}
	allow(1, "Foo", "Pop", "w")
	allow(2, "Secret", "Pop", "r")
	allow(3, "Pop", "Secret", "w")
	allow(4, "Pop", "Foo", "w")
	allow(5, "Foo", "Bar", "w")
	allow(6, "Foo", "Gate", "rw")
	allow(7, "Foo", "_", "w")
	allow(8, "_", "Pop", "w")
	b.Layer("gray").Set(label("Foo"), label("Bar"), engine.Read, f, 9)

	mapping := func(line int, name string, level uint8, categories string) netlabel.Mapping {
		c, err := cipso.ParseCategories(categories)
		if err != nil {
			t.Fatal(err)
		}
		return netlabel.Mapping{Label: name, Level: level, Categories: c, Origin: engine.Origin{File: "cipso", Line: line}}
	}
	line := 0
	entry := func(prefix, name string, change func(*hostmap.Entry)) hostmap.Entry {
		line++
		e := hostmap.Entry{Prefix: netip.MustParsePrefix(prefix), Label: name, File: "hosts", Line: line}
		if name == "" {
			e.Kind = hostmap.CIPSO
		}
		if change != nil {
			change(&e)
		}
		return e
	}
	networks := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	s, err := netlabel.Compile(netlabel.Spec{
		Mode:  mode,
		Rules: b,
		Mappings: []netlabel.Mapping{
			mapping(1, "Secret", 5, "2,4,6"),
			mapping(2, "Level3", 3, ""),
			mapping(3, "Wide", 7, "0-65534"), // ranges alone can write it
		},
		DOIs: []netlabel.DOISpec{
			{Number: 3, Tags: []cipso.TagType{cipso.TagRestricted, cipso.TagEnumerated, cipso.TagRanges}},
			{Number: 16, Tags: []cipso.TagType{cipso.TagEnumerated, cipso.TagRestricted}, Mappings: []netlabel.Mapping{mapping(4, "Secret", 9, "1000")}},
		},
		Zones: []netlabel.ZoneSpec{
			{Name: "red", Networks: networks("10.1.0.0/16"), Trust: netlabel.Require, DOI: 3},
			{Name: "blue", Networks: networks("10.2.0.0/16"), Trust: netlabel.Require, DOI: 16},
			{Name: "green", Networks: networks("10.3.0.0/16"), Trust: netlabel.Accept, DOI: 3},
			{Name: "gray", Networks: networks("10.4.0.0/16"), Layer: "gray"},
			{Name: "picky", Networks: networks("10.5.0.0/16"), Trust: netlabel.Accept, DOI: 3, Only: []string{"Pop", "Level3"}},
			{Name: "plain", Networks: networks("10.6.0.0/16"), Trust: netlabel.Accept, DOI: 3, Label: "Pop"},
		},
		Hosts: []hostmap.Entry{
			entry("10.3.0.0/24", "", nil),
			entry("10.3.1.0/24", "Foo", nil),
			entry("10.3.2.0/24", "Foo", func(e *hostmap.Entry) { e.OnLabel = hostmap.LabelStrip }),
			entry("10.3.3.0/24", "Foo", func(e *hostmap.Entry) { e.OnLabel = hostmap.LabelHonour }),
			entry("10.3.4.0/24", "", func(e *hostmap.Entry) { e.DOI, e.OnUnlabeled = 16, hostmap.UnlabeledAmbient }),
			entry("10.3.5.0/24", "", func(e *hostmap.Entry) {
				e.OnUnlabeled, e.UnlabeledLabel, e.Only = hostmap.UnlabeledAs, "Foo", []string{"Foo", "Secret"}
			}),
			entry("10.4.0.1/32", "Pop", nil),
			entry("10.4.0.2/32", "@", nil),
			entry("10.4.0.3/32", "*", nil),
			entry("10.4.0.4/32", "@", func(e *hostmap.Entry) { e.Replacement = "Foo" }),
			entry("10.4.0.5/32", "Bar", nil),
			entry("10.4.0.6/32", "Wide", nil),
		},
		Self: "Gate",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.WithMTUs([]int{0, 1500, 1400, 68, 0, 9000, 1500})
}

var (
	modes      = []netlabel.Mode{netlabel.Strict, netlabel.Compat}
	directions = []netlabel.Direction{netlabel.Forward, netlabel.Input, netlabel.Output}
)

func policies(t *testing.T) [2]*netlabel.Snapshot {
	t.Helper()
	var all [2]*netlabel.Snapshot
	for _, m := range modes {
		all[m] = newPolicy(t, m)
	}
	return all
}
