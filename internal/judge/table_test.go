package judge

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"labelgate/engine"
	"labelgate/internal/control"
	"labelgate/internal/links"
)

// shownSettings are those of the tests with one of everything that a table shows.
const shownSettings = `
policy = "policy"
[self]
label = "Gate"
[[doi]]
number = 3
tags = [1]
[[doi]]
number = 16
tags = [5, 2, 1]
noncanonical = "accept"
cipso = "cipso-16"
[[zone]]
name = "red"
interfaces = ["red0", "gone0"]
networks = ["10.1.0.0/16", "10.9.0.0/24"]
labels = "require"
doi = 3
only = ["Foo", "Pop"]
icmp-errors = false
[[zone]]
name = "blue"
interfaces = ["blue0"]
networks = ["10.2.0.0/16"]
labels = "accept"
doi = 16
label = "Bar"
tunnels = ["gre", "esp"]
[[zone]]
name = "gray"
interfaces = ["gray0"]
networks = ["10.4.0.0/16"]
restrict = "gray.rules"
[[zone]]
name = "rest"
interfaces = ["other0"]
restrict = "gray.rules"
`

const shownHosts = `10.4.0.1 Pop on-label=strip zone=gray
10.4.0.2 Pop on-label=honour
10.4.0.3 @ web-as=Foo zone=gray
10.2.7.0/24 -CIPSO doi=3 only=Foo,Pop on-unlabeled=ambient
10.2.8.0/24 -CIPSO on-unlabeled=Bar
10.2.9.0/24 -CIPSO
10.1.5.0/24 Foo via=10.1.0.1
2001:db8::/32 Foo
`

// newShown returns a Service with everything that a table shows. The directory of
// its files is cut from places.
func newShown(t testing.TB) (d *daemon, dir string) {
	t.Helper()
	path := write(t, shownSettings, rules, shownHosts)
	dir = filepath.Dir(path)
	for name, data := range map[string]string{
		"gray.rules": "Foo Pop r\nFoo Gate -\n", "cipso-16": "Pop 9 1 1000\n", "policy/cipso.d/site": "Foo 5 2 3 4\nFar 1 500\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d, _ = newDaemon(t, path)
	return d, dir
}

// show asks for all pages of a table, each of at most limit rows.
func show[T any](t testing.TB, s *Service, verb string, limit int) []T {
	t.Helper()
	rows, err := ask[T](s, verb, limit)
	if err != nil {
		t.Fatalf("%s: %v", verb, err)
	}
	return rows
}

func ask[T any](s *Service, verb string, limit int) (all []T, err error) {
	args := control.Args{Limit: limit}
	for {
		r, err := s.Table(control.Request{Verb: verb, Args: args})
		if err != nil {
			return nil, err
		}
		var rows []T
		if err := json.Unmarshal(r.Result.(json.RawMessage), &rows); err != nil {
			return nil, err
		}
		if limit > 0 && len(rows) > limit {
			return nil, errors.New("more rows than were asked for")
		}
		if all = append(all, rows...); r.Next == "" {
			return all, nil
		}
		if r.Next == args.Cursor {
			return nil, errors.New("a page begins where the one before began")
		}
		args.Cursor = r.Next
	}
}

// codeOf returns the code of an error.
func codeOf(err error) control.Code {
	var e *control.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// holdsRows compares a table with the rows it is to have, in pages of every size.
func holdsRows[T any](t *testing.T, s *Service, verb string, dir string, want []T) {
	t.Helper()
	for _, limit := range []int{0, 1, 2, 3, len(want), 1000} {
		got := show[T](t, s, verb, limit)
		text, _ := json.Marshal(got)
		var near []T
		if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), dir+"/", "")), &near); err != nil {
			t.Fatal(err)
		}
		for i := range max(len(near), len(want)) {
			switch {
			case i >= len(near):
				t.Errorf("%s by %d: row %d is missing: %+v", verb, limit, i, want[i])
			case i >= len(want):
				t.Errorf("%s by %d: row %d is too much: %+v", verb, limit, i, near[i])
			case !reflect.DeepEqual(near[i], want[i]):
				t.Errorf("%s by %d: row %d is\n%+v, want\n%+v", verb, limit, i, near[i], want[i])
			}
		}
		if t.Failed() {
			return
		}
	}
}

func TestShowZones(t *testing.T) {
	d, dir := newShown(t)
	d.links.set(
		links.Link{Index: redIf, Name: "red0", Zone: 1, MTU: 1500, Up: true}, links.Link{Index: blueIf, Name: "blue0", Zone: 2, MTU: 9000},
		links.Link{Index: grayIf, Name: "gray0", Zone: 3, MTU: 1400, Up: true},
	)
	d.Relink()
	holdsRows(t, d.Service, control.VerbZones, dir, []control.Zone{
		{Name: "red", Labels: "require", DOI: 3, Only: []string{"Foo", "Pop"}, Networks: []string{"10.1.0.0/16", "10.9.0.0/24"}, LabelAmbient: true, MTU: 1500,
			Links: []control.Link{{Name: "red0", Index: redIf, Up: true, MTU: 1500}, {Name: "gone0"}}, At: "labelgate.toml:13"},
		{Name: "blue", Labels: "accept", DOI: 16, Label: "Bar", Networks: []string{"10.2.0.0/16"}, Tunnels: []string{"gre", "esp"}, ICMPErrors: true, MTU: 9000,
			Links: []control.Link{{Name: "blue0", Index: blueIf, MTU: 9000}}, At: "labelgate.toml:21"},
		{Name: "gray", Labels: "refuse", Networks: []string{"10.4.0.0/16"}, Restrict: "gray.rules", MTU: 1400,
			Links: []control.Link{{Name: "gray0", Index: grayIf, Up: true, MTU: 1400}}, At: "labelgate.toml:29"},
		{Name: "rest", Labels: "refuse", Restrict: "gray.rules", Links: []control.Link{{Name: "other0"}}, At: "labelgate.toml:34"},
	})
}

func TestShowDomains(t *testing.T) {
	d, dir := newShown(t)
	holdsRows(t, d.Service, control.VerbDomains, dir, []control.Domain{
		{Number: 3, Tags: []int{1}, At: "labelgate.toml:5"},
		{Number: 16, Tags: []int{5, 2, 1}, NonCanonical: true, Mappings: 1, At: "labelgate.toml:8"},
	})
}

func TestShowHosts(t *testing.T) {
	d, dir := newShown(t)
	at := func(line string) string { return "policy/netlabel.d/site:" + line }
	holdsRows(t, d.Service, control.VerbHosts, dir, []control.Host{
		{Prefix: "10.4.0.1/32", Zone: "gray", Kind: control.HostSingle, Label: "Pop", OnLabel: "strip", At: at("1")},
		{Prefix: "10.4.0.2/32", Kind: control.HostSingle, Label: "Pop", OnLabel: "honour", At: at("2")},
		{Prefix: "10.4.0.3/32", Zone: "gray", Kind: control.HostSingle, Label: "@", OnLabel: "drop", WebAs: "Foo", At: at("3")},
		{Prefix: "10.2.7.0/24", Kind: control.HostCIPSO, DOI: 3, Only: []string{"Foo", "Pop"}, OnUnlabeled: "ambient", At: at("4")},
		{Prefix: "10.2.8.0/24", Kind: control.HostCIPSO, OnUnlabeled: "Bar", At: at("5")},
		{Prefix: "10.2.9.0/24", Kind: control.HostCIPSO, OnUnlabeled: "drop", At: at("6")},
		{Prefix: "10.1.5.0/24", Kind: control.HostSingle, Label: "Foo", Via: "10.1.0.1", At: at("7")},
		{Prefix: "2001:db8::/32", Kind: control.HostSingle, Label: "Foo", OnLabel: "drop", At: at("8")},
	})
}

// TestShowLabels: a label that a domain writes otherwise has a row for it, and one
// that no domain writes as the others would has no other.
func TestShowLabels(t *testing.T) {
	d, dir := newShown(t)
	holdsRows(t, d.Service, control.VerbLabels, dir, []control.Label{
		{Name: "?", Encoding: "none"},
		{Name: "^", Encoding: "direct", Level: 250, Categories: "2,4-7"},
		{Name: "*", Encoding: "none"},
		{Name: "_", Encoding: "direct", Level: 250, Categories: "2,4-8"},
		{Name: "@", Encoding: "none"},
		{Name: "Foo", Encoding: "mapped", Level: 5, Categories: "2-4", At: "policy/cipso.d/site:1"},
		{Name: "Pop", Encoding: "direct", Level: 250, Categories: "2,4,10-11,13-16,18-20"},
		{Name: "Pop", DOI: 16, Encoding: "mapped", Level: 9, Categories: "1,1000", At: "cipso-16:1"},
		{Name: "Gate", Encoding: "direct", Level: 250, Categories: "2,6-8,10-11,16,18-20,22,26-27,30,32"},
		{Name: "Far", Encoding: "mapped", Level: 1, Categories: "500", At: "policy/cipso.d/site:2"},
		{Name: "Far", DOI: 3, Encoding: "none"},
		{Name: "Bar", Encoding: "direct", Level: 250, Categories: "2,7,10-11,16,18-20,23"},
	})
}

func TestShowRules(t *testing.T) {
	d, dir := newShown(t)
	at := func(line string) string { return "policy/accesses.d/site:" + line }
	both := []string{"gray", "rest"}
	holdsRows(t, d.Service, control.VerbRules, dir, []control.Rule{
		{Subject: "Foo", Object: "Pop", Access: "w", At: at("1")},
		{Subject: "Pop", Object: "Foo", Access: "w", At: at("2")},
		{Subject: "Foo", Object: "Gate", Access: "w", At: at("3")},
		{Subject: "Gate", Object: "Pop", Access: "w", At: at("4")},
		{Subject: "Foo", Object: "Pop", Access: "r", Restricts: both, At: "gray.rules:1"},
		{Subject: "Foo", Object: "Gate", Access: "-", Restricts: both, At: "gray.rules:2"},
	})
}

// TestShowRefused: what cannot be shown says why.
func TestShowRefused(t *testing.T) {
	d, _ := newShown(t)
	empty := New(Config{Links: d.links})
	for _, tt := range []struct {
		name, verb, cursor string
		of                 *Service
		code               control.Code
	}{
		{"before the first policy", control.VerbRules, "", empty, control.CodeUnavailable},
		{"flows before the first policy", control.VerbFlows, "", empty, control.CodeUnavailable},
		{"no table", control.VerbStatus, "", d.Service, control.CodeUnknownVerb},
		{"no cursor", control.VerbRules, "x", d.Service, control.CodeBadRequest},
		{"no cursor of flows", control.VerbFlows, "1.-1", d.Service, control.CodeBadRequest},
		{"a cursor of another policy", control.VerbHosts, "9.1", d.Service, control.CodeStale},
		{"a cursor of flows of another policy", control.VerbFlows, "9.1", d.Service, control.CodeStale},
	} {
		_, err := tt.of.Table(control.Request{Verb: tt.verb, Args: control.Args{Cursor: tt.cursor}})
		if code := codeOf(err); code != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
	for _, verb := range []string{control.VerbZones, control.VerbDomains, control.VerbHosts, control.VerbLabels, control.VerbRules} {
		r, err := d.Table(control.Request{Verb: verb, Args: control.Args{Cursor: "1.18446744073709551615"}})
		if err != nil || r.Next != "" || string(r.Result.(json.RawMessage)) != "[]" {
			t.Errorf("%s behind the end: %+v, %v", verb, r, err)
		}
	}
}

// TestShowAfterReload: a page that was begun under one policy does not go on under
// another.
func TestShowAfterReload(t *testing.T) {
	d, _ := newShown(t)
	r, err := d.Table(control.Request{Verb: control.VerbRules, Args: control.Args{Limit: 1}})
	if err != nil || r.Next == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	d.reload(t)
	if _, err := d.Table(control.Request{Verb: control.VerbRules, Args: control.Args{Cursor: r.Next}}); codeOf(err) != control.CodeStale {
		t.Errorf("%v", err)
	}
}

// TestShowTwin: pages of any size together are what the policy lists in one go.
func TestShowTwin(t *testing.T) {
	var text, layer, hosts strings.Builder
	for i := range 2500 {
		text.WriteString("S" + number(i%50) + " O" + number(i) + " rw\n")
		if i%3 == 0 {
			layer.WriteString("S" + number(i%50) + " O" + number(i) + " r\n")
		}
		hosts.WriteString("10.4." + number(i/256) + "." + number(i%256) + " O" + number(i) + "\n")
	}
	path := write(t, shownSettings, text.String(), hosts.String())
	for name, data := range map[string]string{"gray.rules": layer.String(), "cipso-16": "O7 9 1\n"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d, _ := newDaemon(t, path)
	s := d.live.load().snapshot
	p := s.Policy()
	wantRules := make(map[string]int)
	id, _ := p.Layer(filepath.Join(filepath.Dir(path), "gray.rules"))
	for _, l := range []engine.LayerID{0, id} {
		for r := range p.LayerRules(l) {
			wantRules[strings.Join([]string{p.Name(r.Subject), p.Name(r.Object), r.Access.String(), r.Origin.String(), number(int(l))}, " ")]++
		}
	}
	if id == 0 || len(wantRules) < 3000 {
		t.Fatalf("layer %d, %d rules", id, len(wantRules))
	}
	for _, limit := range []int{0, 1, 7, 999, 1000, 5000} {
		got := make(map[string]int)
		for _, r := range show[control.Rule](t, d.Service, control.VerbRules, limit) {
			layer := 0
			if len(r.Restricts) > 0 {
				layer = int(id)
			}
			got[strings.Join([]string{r.Subject, r.Object, r.Access, r.At, number(layer)}, " ")]++
		}
		if !reflect.DeepEqual(got, wantRules) {
			t.Errorf("by %d: %d rules, want %d", limit, len(got), len(wantRules))
		}
		for i, h := range show[control.Host](t, d.Service, control.VerbHosts, limit) {
			if e := s.Entry(int32(i)); h.Prefix != e.Prefix.String() || h.Label != e.Label || h.At != e.Origin() {
				t.Errorf("by %d: host %d is %+v", limit, i, h)
			}
		}
		labels := show[control.Label](t, d.Service, control.VerbLabels, limit)
		seen := make(map[string]int)
		for _, l := range labels {
			seen[l.Name]++
		}
		for l := engine.Label(1); int(l) < p.Labels(); l++ {
			want := 1
			if p.Name(l) == "O7" {
				want = 2
			}
			if seen[p.Name(l)] != want {
				t.Errorf("by %d: label %s has %d rows", limit, p.Name(l), seen[p.Name(l)])
			}
		}
		if len(labels) != p.Labels() {
			t.Errorf("by %d: %d rows of labels, want %d", limit, len(labels), p.Labels())
		}
	}
}

func number(i int) string {
	b, _ := json.Marshal(i)
	return string(b)
}
