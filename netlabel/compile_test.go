package netlabel

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
)

// TestCompileProblems makes one mistake of every kind at once: each is reported,
// where it stands, and none of them hides or causes another.
func TestCompileProblems(t *testing.T) {
	at := func(line int) engine.Origin { return engine.Origin{File: "f", Line: line} }
	host := func(line int, prefix string, change func(*hostmap.Entry)) hostmap.Entry {
		e := hostmap.Entry{Prefix: netip.MustParsePrefix(prefix), Label: "Foo", File: "f", Line: line}
		change(&e)
		return e
	}
	prefixes := func(s ...string) (all []netip.Prefix) {
		for _, p := range s {
			all = append(all, netip.MustParsePrefix(p))
		}
		return all
	}
	var one cipso.Categories
	one.Add(1, 1)
	tags := []cipso.TagType{1}
	spec := Spec{
		Direct: 7, Mapped: 7, Ambient: "a/b", Self: "-Self",
		Mappings: []Mapping{
			{Label: "Foo", Level: 1, Categories: one, Origin: at(1)},
			{Label: "Foo", Level: 2, Categories: one, Origin: at(2)},
			{Label: "Bar", Level: 2, Categories: one, Origin: at(3)},
			{Label: "", Level: 3, Categories: one, Origin: at(4)},
			{Label: "bad label", Level: 3, Categories: one, Origin: at(5)},
			{Label: "bad/label", Level: 3, Categories: one, Origin: at(6)},
		},
		DOIs: []DOISpec{
			{Number: 3, Tags: tags, Origin: at(10)},
			{Number: 0, Tags: tags, Origin: at(11)},
			{Number: 3, Tags: tags, Origin: at(12)},
			{Number: 4, Tags: []cipso.TagType{7, 128}, Origin: at(13)},
			{Number: 5, Tags: tags, Origin: at(14), Mappings: []Mapping{
				{Label: "Foo", Level: 9, Origin: at(15)},
				{Label: "Foo", Level: 8, Origin: at(16)},
				{Label: "B'ar", Level: 8, Origin: at(17)},
			}},
		},
		Zones: []ZoneSpec{
			{Name: "a", Trust: Accept, DOI: 3, Origin: at(20)},
			{Name: "a", Networks: prefixes("10.0.0.0/8"), Origin: at(21)},
			{Name: "", Networks: prefixes("11.0.0.0/8"), Origin: at(22)},
			{Name: "b", Networks: prefixes("12.0.0.0/8"), Trust: Require, DOI: 99, Origin: at(23)},
			{Name: "c", Networks: prefixes("13.0.0.0/8"), Trust: Accept, Origin: at(24)},
			{Name: "d", Networks: prefixes("14.0.0.0/8", "10.1.0.0/8", "12.0.0.0/8"), Layer: "absent", Origin: at(25)},
			{Name: "e", Origin: at(26)},
			{Name: "f", Networks: []netip.Prefix{{}}, Origin: at(27), Label: "x/", Only: []string{"y/"}},
		},
		Hosts: []hostmap.Entry{
			host(30, "10.0.0.1/32", func(e *hostmap.Entry) {}),
			host(31, "10.0.0.1/32", func(e *hostmap.Entry) {}),
			host(32, "10.0.0.2/32", func(e *hostmap.Entry) { e.Zone = "nowhere" }),
			host(33, "10.0.0.3/32", func(e *hostmap.Entry) { e.Label = "" }),
			host(34, "10.0.0.4/32", func(e *hostmap.Entry) {
				e.Kind, e.Label, e.OnUnlabeled = hostmap.CIPSO, "", hostmap.UnlabeledAs
			}),
			host(35, "10.0.0.5/32", func(e *hostmap.Entry) { e.Label, e.Replacement = "@", "@" }),
			host(36, "10.0.0.6/32", func(e *hostmap.Entry) { e.Kind, e.Label, e.DOI = hostmap.CIPSO, "", 98 }),
			host(37, "10.0.0.7/32", func(e *hostmap.Entry) { e.Label, e.UnlabeledLabel, e.Only = "l/", "m/", []string{"n/"} }),
			host(38, "10.0.0.8/32", func(e *hostmap.Entry) { e.Prefix = netip.Prefix{} }),
		},
	}
	s, err := Compile(spec)
	var problems Problems
	if s != nil || !errors.As(err, &problems) {
		t.Fatalf("%v, %v: want Problems", s, err)
	}
	want := strings.Split(strings.TrimSpace(`
direct and mapped are both level 7: a label's text and its number could not be told apart
"a/b" cannot be a label: byte 2 is '/'
"-Self" cannot be a label: a leading dash marks an option such as -CIPSO
f:5: "bad label" cannot be a label: byte 4 is ' '
f:6: "bad/label" cannot be a label: byte 4 is '/'
f:17: "B'ar" cannot be a label: byte 2 is '\''
f:27: "x/" cannot be a label: byte 2 is '/'
f:27: "y/" cannot be a label: byte 2 is '/'
f:37: "l/" cannot be a label: byte 2 is '/'
f:37: "m/" cannot be a label: byte 2 is '/'
f:37: "n/" cannot be a label: byte 2 is '/'
f:2: label "Foo" has a mapping already at f:1 (keep one of the two lines)
f:4: a mapping of no label
f:3: labels "Foo" and "Bar" have the same level and categories in DOI 3 (give each label its own level and categories)
f:11: DOI 0 is reserved and never appears on the wire (choose 1 or more)
f:12: DOI 3 is defined twice, first at f:10
f:13: DOI 4 has no tag type in which a label could be written (name one of 1, 2 and 5)
f:16: label "Foo" has a mapping already at f:15 (keep one of the two lines)
f:21: zone "a" is defined twice, first at f:20 (give each zone a name of its own)
f:22: a zone has no name
f:23: zone "b" speaks DOI 99, which is not defined (add a [[doi]] with that number)
f:24: zone "c" lets its hosts assert labels but speaks no DOI (say doi = N, or labels = "refuse")
f:25: zone "d" is restricted by "absent", which does not exist
f:25: network 10.1.0.0/8 of zone "d" is named already at f:21 (every address lives in one zone)
f:25: network 12.0.0.0/8 of zone "d" is named already at f:23 (every address lives in one zone)
f:26: zone "e" holds every other address, as does the one at f:20 (give all zones but one their networks)
f:27: network of zone "f": f:27: entry without a prefix
f:31: 10.0.0.1/32 has an entry already, at f:30
f:32: entry 10.0.0.2/32 is bound to zone "nowhere", which does not exist (name one of the [[zone]]s, or none)
f:33: entry 10.0.0.3/32 has no label
f:34: entry 10.0.0.4/32 gives unlabeled packets no label
f:35: "@" cannot stand for @: no labeled host would be safe from it, or could answer it
f:36: entry 10.0.0.6/32 speaks DOI 98, which is not defined (add a [[doi]] with that number)
f:38: f:38: entry without a prefix`), "\n")
	if d := cmp.Diff(want, strings.Split(err.Error(), "\n")); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
	for i, p := range problems {
		if p.Message == "" || strings.ContainsAny(p.Message, "\n\t") {
			t.Errorf("problem %d: message %q", i, p.Message)
		}
	}
}

// TestCompileTooManyZones: the mark could not tell them apart.
func TestCompileTooManyZones(t *testing.T) {
	var spec Spec
	for i := range MaxZones + 1 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i)}), 16)
		spec.Zones = append(spec.Zones, ZoneSpec{Name: fmt.Sprint("z", i), Networks: []netip.Prefix{p}, Origin: engine.Origin{File: "f", Line: i}})
	}
	if _, err := Compile(spec); err == nil || err.Error() != "f:63: more than 63 zones" {
		t.Errorf("%v", err)
	}
	spec.Zones = spec.Zones[:MaxZones]
	s, err := Compile(spec)
	if err != nil || s.Zones() != MaxZones {
		t.Fatalf("%v", err)
	}
}

// TestCompileCollisions: two labels that read the same are refused in strict
// mode, where the line stands that made them so; in compat mode the newer one
// wins, as in Linux.
func TestCompileCollisions(t *testing.T) {
	var spelled cipso.Categories
	if !cipso.DirectCategories("Foo", &spelled) {
		t.Fatal("Foo cannot be spelled")
	}
	spec := func(mode Mode) Spec {
		b := engine.NewBuilder()
		for _, name := range []string{"Impostor", "Foo"} {
			if _, err := b.Intern(name); err != nil {
				t.Fatal(err)
			}
		}
		return Spec{
			Mode: mode, Rules: b, DOIs: []DOISpec{{Number: 3, Tags: []cipso.TagType{1}}, {Number: 4, Tags: []cipso.TagType{1}}},
			Mappings: []Mapping{{Label: "Impostor", Level: cipso.DirectLevel, Categories: spelled, Origin: engine.Origin{File: "f", Line: 5}}},
		}
	}
	_, err := Compile(spec(Strict))
	want := `f:5: labels "Impostor" and "Foo" have the same level and categories in DOI 3 (give each label its own level and categories)`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	s := compile(t, spec(Compat))
	key := cipso.Label{Level: cipso.DirectLevel, Categories: spelled}
	if got := s.LabelName(s.LabelOf(3, &key)); got != "Foo" {
		t.Errorf("compat mode reads %q, want Foo, which was named last", got)
	}
}

// TestCompileReserved: what would be all-powerful or unanswerable is known when
// it comes, and never written.
func TestCompileReserved(t *testing.T) {
	spec := strictSpec()
	s := compile(t, spec)
	for l := engine.Huh; l < engine.FirstLabel; l++ {
		want := l == engine.Hat || l == engine.Floor
		if got := len(s.Encoding(3, l)) != 0; got != want {
			t.Errorf("%s is written: %v, want %v", s.LabelName(l), got, want)
		}
		var key cipso.Label
		key.Level = s.Direct()
		cipso.DirectCategories(s.LabelName(l), &key.Categories)
		if got := s.LabelOf(3, &key); got != l {
			t.Errorf("%s reads as %q", s.LabelName(l), s.LabelName(got))
		}
	}
	compat := compile(t, perimeterSpec(Compat))
	if len(compat.Encoding(3, engine.Web)) == 0 {
		t.Error("Linux would write @")
	}
}

// TestCompileDefaults: an empty spec is a gateway that drops everything.
func TestCompileDefaults(t *testing.T) {
	s := compile(t, Spec{})
	if s.Ambient() != engine.Floor || s.Self() != engine.Unknown || s.Direct() != cipso.DirectLevel || s.Zones() != 0 || s.Mode() != Strict {
		t.Errorf("ambient %d, self %d, direct %d, %d zones, %s", s.Ambient(), s.Self(), s.Direct(), s.Zones(), s.Mode())
	}
	p := packet(t, red1, grayPop, "", 17, udp(4))
	out := make([]byte, 200)
	for _, d := range []Direction{Forward, Input, Output} {
		for _, z := range []Zone{0, 1, 255} {
			if v := s.Process(d, z, p, out); v.Action != Drop || v.Reason == ReasonNone {
				t.Errorf("%s from zone %d: %s %s", d, z, v.Action, v.Reason)
			}
		}
	}
}
