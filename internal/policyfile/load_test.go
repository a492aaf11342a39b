package policyfile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"labelgate/engine"
	"labelgate/hostmap"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	unpack(t, dir, txtar.Parse([]byte(`
-- accesses --
A B r
-- accesses.d/B --
A B w
-- accesses.d/a --
A B x
-- accesses.d/Z --
link ../elsewhere
-- elsewhere --
A C r
-- cipso.d/site --
Secret 4 7 5 6
Public 1
-- netlabel --
192.0.2.0/24 Web zone=lan
-- netlabel.d/site --
198.51.100.0/24 -CIPSO doi=16 only=A,B
-- ipv6host.d/site --
2001:db8::/32 Six
`)).Files)
	set, err := Load(dir, Labelgate)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range set.Files {
		name, _ := filepath.Rel(dir, f)
		names = append(names, name)
	}
	want := []string{"accesses", "accesses.d/B", "accesses.d/Z", "accesses.d/a", "cipso.d/site", "netlabel", "netlabel.d/site", "ipv6host.d/site"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("files were not read in bytewise order (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]engine.Access{"A B": engine.Execute, "A C": engine.Read}, listed(set.Rules.Build())); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if n := len(set.Warnings); n != 2 || set.Warnings[0].Code != "duplicate-rule" {
		t.Errorf("warnings: %v", set.Warnings)
	}
	if len(set.Mappings) != 2 || set.Mappings[0].Categories.String() != "5-7" || set.Mappings[0].Line != 1 || !strings.HasSuffix(set.Mappings[0].File, "cipso.d/site") {
		t.Errorf("mappings: %v", set.Mappings)
	}
	if len(set.Hosts) != 3 || set.Hosts[1].DOI != 16 || set.Hosts[1].Kind != hostmap.CIPSO || !set.Hosts[2].Prefix.Addr().Is6() {
		t.Errorf("hosts: %v", set.Hosts)
	}
}

func TestExamples(t *testing.T) {
	dirs, err := filepath.Glob("../../examples/*/policy")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, dir := range dirs {
		set, err := Load(dir, Labelgate)
		if err != nil {
			t.Error(err)
		} else if len(set.Warnings) > 0 {
			t.Error(set.Warnings)
		}
	}
}

func TestSave(t *testing.T) {
	from := t.TempDir()
	unpack(t, from, txtar.Parse([]byte(`
-- accesses --
A B r
B A rwxatlb
 #odd A -
A #odd w x
-- cipso --
Secret 4 7 5 6
Public 1
Odd 2/0,65534
-- netlabel --
192.0.2.0/24 Web zone=lan on-label=honour
198.51.100.0/24 -CIPSO doi=16 only=A,B only-label=C,D on-unlabeled=Guest
198.51.100.1 -CIPSO on-unlabeled=ambient
198.51.100.2 @ zone=out web-as=Net
198.51.100.3 Far via=203.0.113.1
2001:db8::/32 Six via=2001:db8::1
`)).Files)
	set, err := Load(from, Labelgate)
	if err != nil {
		t.Fatal(err)
	}
	rules := set.Rules.Build()
	to := filepath.Join(t.TempDir(), "saved")
	if err := Save(to, rules, set.Mappings, set.Hosts); err != nil {
		t.Fatal(err)
	}
	again, err := Load(to, Kernel) // the files say that they are in another dialect
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(listed(rules), listed(again.Rules.Build())); diff != "" {
		t.Error(diff)
	}
	if !slices.EqualFunc(set.Mappings, again.Mappings, func(a, b Mapping) bool { return same(&a, &b) }) {
		t.Errorf("mappings %v became %v", set.Mappings, again.Mappings)
	}
	for i := range again.Hosts {
		again.Hosts[i].File, again.Hosts[i].Line = set.Hosts[i].File, set.Hosts[i].Line
	}
	if diff := cmp.Diff(set.Hosts, again.Hosts, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if err := Save(to, rules, nil, nil); err == nil {
		t.Error("Save overwrites")
	}
}

func TestSaveRefuses(t *testing.T) {
	b := engine.NewBuilder()
	hash, _ := b.Intern("#")
	word, _ := b.Intern("revoke-subject")
	file := b.File("test")
	b.Set(hash, word, engine.Read, file, 1)
	if _, err := AppendRules(nil, b.Build()); err == nil {
		t.Error("label # was written")
	}
	b = engine.NewBuilder()
	word, _ = b.Intern("revoke-subject")
	b.Set(word, word, engine.Read, b.File("test"), 1)
	if _, err := AppendRules(nil, b.Build()); err == nil {
		t.Error("subject revoke-subject was written")
	}
	if _, err := AppendMappings(nil, []Mapping{{Label: "a b"}}); err == nil {
		t.Error("a label with a space was written")
	}
	for _, e := range []hostmap.Entry{
		{Label: "a\nb"}, {Kind: hostmap.CIPSO, Only: []string{"a b"}}, {Kind: hostmap.CIPSO, OnUnlabeled: hostmap.UnlabeledAs, UnlabeledLabel: "drop"},
		{Kind: hostmap.CIPSO, OnUnlabeled: hostmap.UnlabeledAs}, {Label: "@", Replacement: "a/b"},
	} {
		e.Prefix = netip.MustParsePrefix("192.0.2.0/24")
		if text, err := AppendHosts(nil, []hostmap.Entry{e}); err == nil {
			t.Errorf("%+v was written as %s", e, text)
		}
	}
}

func TestLimits(t *testing.T) {
	long := strings.Repeat("a", MaxLine-8)
	for _, tt := range []struct {
		name, text string
		codes      []string
	}{
		{name: "longest line", text: "A B r # " + long, codes: nil},
		{name: "longer", text: "A B r # " + long + "b\nA C z\n", codes: []string{"line-length", "access"}},
		{name: "longest directive", text: "# dialect: " + long + "\n", codes: []string{"line-length"}},
		{name: "last line without end", text: "A B r\nA C z", codes: []string{"access"}},
		{name: "zero byte", text: "A B z\nA \x00 r\nA C z\n", codes: []string{"zero-byte"}},
		{name: "zero byte in a long line", text: long + long + "\x00", codes: []string{"zero-byte"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var codes []string
			for _, p := range Rules("file", []byte(tt.text), Labelgate, engine.NewBuilder()) {
				codes = append(codes, p.Code)
			}
			if diff := cmp.Diff(tt.codes, codes); diff != "" {
				t.Error(diff)
			}
		})
	}
	problems := Rules("file", bytes.Repeat([]byte("bad\n"), 10000), Labelgate, engine.NewBuilder())
	if len(problems) != maxProblems+1 || problems[maxProblems].Code != "too-many" {
		t.Errorf("%d problems", len(problems))
	}
}

// A bad line must be heard of, however much was said before.
func TestManyWarnings(t *testing.T) {
	var text bytes.Buffer
	for i := range maxRemembered + 10 {
		fmt.Fprintf(&text, ";%d A r\n", i)
	}
	text.WriteString("A/B A r\n")
	if problems := Rules("f", text.Bytes(), Labelgate, engine.NewBuilder()); !problems.Failed() {
		t.Error("the bad line went under")
	}
}

// TestDuplicatesTwin compares the warnings with those of a map.
func TestDuplicatesTwin(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 3))
		var text strings.Builder
		var want []string
		first := make(map[string]int)
		for line := 1; line <= 300; line++ {
			s, o := fmt.Sprint("S", r.IntN(1+int(seed)*20)), fmt.Sprint("O", r.IntN(8))
			switch r.IntN(8) {
			case 0:
				fmt.Fprintf(&text, "revoke-subject %s\n", s)
				for pair := range first {
					if strings.HasPrefix(pair, s+" ") {
						delete(first, pair)
					}
				}
				continue
			case 1:
				fmt.Fprintf(&text, "%s %s w r\n", s, o)
			default:
				fmt.Fprintf(&text, "%s %s w\n", s, o)
				if was, ok := first[s+" "+o]; ok {
					want = append(want, fmt.Sprintf("%d: this replaces the rule at f:%d", line, was))
				}
			}
			first[s+" "+o] = line
		}
		var got []string
		for _, p := range Rules("f", []byte(text.String()), Labelgate, engine.NewBuilder()) {
			got = append(got, fmt.Sprintf("%d: %s", p.Line, p.Message))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

func TestDialect(t *testing.T) {
	for _, name := range dialects() {
		d, err := ParseDialect(name)
		if err != nil || d.String() != name {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
	for name, want := range map[string]string{
		"smackctl": `unknown dialect "smackctl" (known: labelgate, kernel, libsmack, systemd)`,
		"Kernal":   `unknown dialect "Kernal" (did you mean "kernel"?)`,
	} {
		if _, err := ParseDialect(name); err == nil || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPicture(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, tt := range []struct {
		name   string
		source string
		column int
		want   string
	}{
		{name: "plain", source: "abc", column: 2, want: "  | abc\n  |  ^\n"},
		{name: "behind the end", source: "abc", column: 4, want: "  | abc\n  |    ^\n"},
		{name: "tab", source: "a\tbc", column: 3, want: "  | a\tbc\n  |  \t^\n"},
		{name: "escape", source: "a\x1bbc", column: 3, want: "  | a\\x1bbc\n  |      ^\n"},
		{name: "long", source: long + "y" + long, column: 101, want: "  | ..." + long[:60] + "y" + long[:59] + "...\n  |    " + strings.Repeat(" ", 60) + "^\n"},
		{name: "no column", source: "abc", column: 0, want: "  | abc\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, picture(tt.source, tt.column)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
