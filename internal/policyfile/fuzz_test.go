package policyfile

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"labelgate/engine"
	"labelgate/hostmap"
)

// checkProblems holds what is true of problems whatever the file is.
func checkProblems(t *testing.T, data []byte, problems Problems) {
	t.Helper()
	lines := bytes.Split(data, []byte("\n"))
	for _, p := range problems {
		if p.Message == "" || p.Code == "" || p.File != "file" {
			t.Errorf("incomplete: %+v", p)
		}
		if p.Line < 0 || p.Line > len(lines) || p.Line > 0 && !strings.HasPrefix(string(lines[p.Line-1]), p.Source) {
			t.Errorf("line %d is not %q", p.Line, p.Source)
		}
		if p.Line > 0 && (p.Column < 1 || p.Column > len(p.Source)+1) {
			t.Errorf("column %d of %q", p.Column, p.Source)
		}
		if i := strings.IndexFunc(p.String(), func(r rune) bool { return (r < ' ' || r > '~') && r != '\n' && r != '\t' }); i >= 0 {
			t.Errorf("a terminal would act on %q", p.String()[i:])
		}
	}
	if !slices.IsSortedFunc(problems, func(a, b Problem) int { return a.Line - b.Line }) && len(problems) < maxProblems {
		t.Error("problems are not in the order of the lines")
	}
}

// oneEach holds that a bad line is one error.
func oneEach(t *testing.T, problems Problems) {
	t.Helper()
	errors, _ := problems.Split()
	for i := 1; i < len(errors); i++ {
		if errors[i].Line == errors[i-1].Line && errors[i].Line > 0 {
			t.Errorf("two errors for one line: %v", errors[i-1:i+1])
		}
	}
}

func listed(p *engine.Policy) map[string]engine.Access {
	all := make(map[string]engine.Access)
	for r := range p.Rules() {
		all[p.Name(r.Subject)+" "+p.Name(r.Object)] = r.Access
	}
	return all
}

func FuzzRules(f *testing.F) {
	f.Add(uint8(Labelgate), []byte("A B rwx\nA B - x\n #c B r\nrevoke-subject A\n"))
	f.Fuzz(func(t *testing.T, dialect uint8, data []byte) {
		b := engine.NewBuilder()
		problems := Rules("file", data, Dialect(dialect%4), b)
		checkProblems(t, data, problems)
		oneEach(t, problems)
		if problems.Failed() {
			return
		}
		p := b.Build()
		text, err := AppendRules(nil, p)
		if err != nil {
			if !strings.Contains(err.Error(), revoke) {
				t.Fatal(err)
			}
			return
		}
		again := engine.NewBuilder()
		if problems := Rules("file", text, Libsmack, again); problems.Failed() {
			t.Fatalf("written as\n%s%v", text, problems)
		}
		if diff := cmp.Diff(listed(p), listed(again.Build())); diff != "" {
			t.Errorf("written as\n%s\nis something else\n%s", text, diff)
		}
	})
}

func FuzzMappings(f *testing.F) {
	f.Add(uint8(Systemd), []byte("Secret  4   2   1   5   \n"))
	f.Fuzz(func(t *testing.T, dialect uint8, data []byte) {
		list, problems := Mappings("file", data, Dialect(dialect%4))
		checkProblems(t, data, problems)
		oneEach(t, problems)
		if problems.Failed() {
			return
		}
		text, err := AppendMappings(nil, list)
		if err != nil {
			t.Fatal(err)
		}
		again, problems := Mappings("file", text, Systemd)
		if problems.Failed() {
			t.Fatalf("written as\n%s%v", text, problems)
		}
		if !slices.EqualFunc(list, again, func(a, b Mapping) bool { return same(&a, &b) }) {
			t.Errorf("written as\n%s\nis something else", text)
		}
	})
}

func FuzzHosts(f *testing.F) {
	f.Add(uint8(Labelgate), []byte("192.0.2.0/24 Web zone=a on-label=strip\n::/0 @ web-as=B\n1.2.3.4 -CIPSO doi=1 only=A,B on-unlabeled=C\n"))
	f.Fuzz(func(t *testing.T, dialect uint8, data []byte) {
		list, problems := Hosts("file", data, Dialect(dialect%4))
		checkProblems(t, data, problems)
		oneEach(t, problems)
		if problems.Failed() {
			return
		}
		text, err := AppendHosts(nil, list)
		if err != nil {
			t.Fatal(err)
		}
		again, problems := Hosts("file", text, Kernel)
		if problems.Failed() {
			t.Fatalf("written as\n%s%v", text, problems)
		}
		if diff := cmp.Diff(list, again, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(hostmap.Entry{}, "File", "Line"), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("written as\n%s\nis something else\n%s", text, diff)
		}
	})
}
