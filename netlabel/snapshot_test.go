package netlabel

import (
	"net/netip"
	"testing"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
)

// The hosts of the tests, by the zone they live in: red requires labels in DOI 3,
// blue in DOI 16, green accepts them in DOI 3, gray knows none.
const (
	red1, red2       = "10.1.0.1", "10.1.0.2"
	blue1            = "10.2.0.1"
	green1           = "10.3.0.1" // -CIPSO
	greenFoo         = "10.3.1.1" // single label Foo
	greenStrip       = "10.3.2.1" // single label Foo, on-label=strip
	greenNone        = "10.3.9.9" // no entry
	grayPop, grayWeb = "10.4.0.1", "10.4.0.2"
	grayStar         = "10.4.0.3"
	grayNone         = "10.4.9.9"
	grayWebAs        = "10.4.0.4" // @ with replacement Foo
	nowhere          = "10.9.0.1"
)

// Options as they stand on the wire.
const (
	foo3       = "860e00000003010800fa2337b780"
	foo16      = "860e00000010010800fa2337b780"
	floor3     = "860c00000003010600fa2f80"
	web3       = "860b00000003010500fa20"
	secret3    = "860b00000003010500052a"     // level 5, categories 2,4,6
	stranger3  = "860b0000000301050005aa"     // level 5, a set that no label has
	direct3Xyz = "860d00000003010700fa2c3cbd" // "Xyz", never named
)

func strictSpec() Spec {
	return perimeterSpec(Strict)
}

func perimeterSpec(mode Mode) Spec {
	b := engine.NewBuilder()
	f := b.File("accesses.d/test")
	rule := func(line int, s, o, a string) {
		sl, err := b.Intern(s)
		if err != nil {
			panic(err)
		}
		ol, err := b.Intern(o)
		if err != nil {
			panic(err)
		}
		access, err := engine.ParseAccess(a)
		if err != nil {
			panic(err)
		}
		b.Set(sl, ol, access, f, line)
	}
	rule(1, "Foo", "Pop", "w")
	rule(2, "Secret", "Pop", "r")
	rule(3, "Pop", "Secret", "w")
	rule(4, "Pop", "Foo", "w")
	layer := b.Layer("gray.rules")
	foo, _ := b.Intern("Foo")
	bar, _ := b.Intern("Bar")
	layer.Set(foo, bar, engine.Read, f, 9)
	rule(5, "Foo", "Bar", "w")

	categories := func(s string) cipso.Categories {
		c, err := cipso.ParseCategories(s)
		if err != nil {
			panic(err)
		}
		return c
	}
	host := func(line int, prefix, label string) hostmap.Entry {
		e := hostmap.Entry{Prefix: netip.MustParsePrefix(prefix), Label: label, File: "netlabel.d/test", Line: line}
		if label == "-CIPSO" {
			e.Kind, e.Label = hostmap.CIPSO, ""
		}
		return e
	}
	strip := host(4, greenStrip+"/32", "Foo")
	strip.OnLabel = hostmap.LabelStrip
	webAs := host(9, grayWebAs+"/32", "@")
	webAs.Replacement = "Foo"
	prefix := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	return Spec{
		Mode:     mode,
		Rules:    b,
		Mappings: []Mapping{{Label: "Secret", Level: 5, Categories: categories("2,4,6"), Origin: engine.Origin{File: "cipso.d/test", Line: 1}}},
		DOIs: []DOISpec{
			{Number: 3, Tags: []cipso.TagType{cipso.TagRestricted}},
			{Number: 16, Tags: []cipso.TagType{cipso.TagEnumerated, cipso.TagRestricted},
				Mappings: []Mapping{{Label: "Secret", Level: 9, Categories: categories("1000"), Origin: engine.Origin{File: "cipso-16.d/test", Line: 1}}}},
		},
		Zones: []ZoneSpec{
			{Name: "red", Networks: prefix("10.1.0.0/16"), Trust: Require, DOI: 3},
			{Name: "blue", Networks: prefix("10.2.0.0/16"), Trust: Require, DOI: 16},
			{Name: "green", Networks: prefix("10.3.0.0/16"), Trust: Accept, DOI: 3},
			{Name: "gray", Networks: prefix("10.4.0.0/16"), Trust: Refuse, Layer: "gray.rules"},
			{Name: "picky", Networks: prefix("10.5.0.0/16"), Trust: Accept, DOI: 3, Only: []string{"Pop"}},
		},
		Hosts: []hostmap.Entry{
			host(1, "10.3.0.0/24", "-CIPSO"),
			host(2, "10.3.1.0/24", "Foo"),
			strip,
			host(5, grayPop+"/32", "Pop"),
			host(6, grayWeb+"/32", "@"),
			host(7, grayStar+"/32", "*"),
			webAs,
			host(8, "10.4.0.5/32", "Bar"),
			host(10, "10.4.0.6/32", "Secret"),
		},
		Self: "Gate",
	}
}

func compile(t testing.TB, spec Spec) *Snapshot {
	t.Helper()
	s, err := Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func zoneNamed(t testing.TB, s *Snapshot, name string) Zone {
	t.Helper()
	z, ok := s.ZoneNamed(name)
	if !ok && name != "" {
		t.Fatalf("no zone %q", name)
	}
	return z
}
