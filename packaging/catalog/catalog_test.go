package catalog

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"labelgate/internal/audit"
	"labelgate/internal/auditor"
	"labelgate/netlabel"
)

// TestText: the file in packaging/journal is what the code says.
func TestText(t *testing.T) {
	want, err := Text()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../journal/labelgate.catalog")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("packaging/journal/labelgate.catalog is not what the code says; make catalog writes it anew")
	}
}

var update = flag.Bool("update", false, "write the table of records in the manual anew")

// TestTable: the manual says of records what the journal does.
func TestTable(t *testing.T) {
	const (
		manual = "../../docs/operations.md"
		begin  = "<!-- from here on written by: go test ./packaging/catalog -update -->\n"
		end    = "<!-- to here -->\n"
	)
	page, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	table, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("docs/operations.md has no place for the table")
	}
	if *update {
		if err := os.WriteFile(manual, []byte(before+begin+Table()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != Table() {
		t.Error("the table in docs/operations.md is not what the code says; go test ./packaging/catalog -update writes it anew")
	}
}

// TestEvents: there are words for every event of package audit, and for no other.
func TestEvents(t *testing.T) {
	missing := constants(t, "Event")
	delete(missing, audit.EventDecision)
	for _, e := range events {
		if !missing[e.event] {
			t.Errorf("%q is said twice, or is no event", e.event)
		}
		delete(missing, e.event)
		if auditor.MessageID(e.event, "", "") == "" {
			t.Errorf("%s has no MESSAGE_ID in internal/auditor", e.event)
		}
	}
	for e := range missing {
		t.Errorf("there are no words for %s", e)
	}
}

// TestReasons: every reason of a drop has words and an identifier of its own.
func TestReasons(t *testing.T) {
	general := auditor.MessageID(audit.EventDecision, audit.Denied, "")
	for _, r := range netlabel.Reasons() {
		if advice[r] == "" {
			t.Errorf("%s: nothing says what to do", r)
		}
		if auditor.MessageID(audit.EventDecision, audit.Denied, r.String()) == general {
			t.Errorf("%s has no MESSAGE_ID of its own in internal/auditor", r)
		}
	}
	if len(advice) != len(netlabel.Reasons()) {
		t.Errorf("%d pieces of advice for %d reasons", len(advice), len(netlabel.Reasons()))
	}
}

// TestEventReasons: where an event has reasons, the words explain each.
func TestEventReasons(t *testing.T) {
	words := ""
	for _, e := range events {
		words += " " + e.meaning
	}
	for r := range constants(t, "Reason") {
		if !strings.Contains(words, " "+r+":") && !strings.Contains(words, " "+r+",") {
			t.Errorf("no words explain %q", r)
		}
	}
}

// constants are the values of those of package audit whose names begin so.
func constants(t *testing.T, prefix string) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../internal/audit/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) || len(spec.Values) == 0 {
			return true
		}
		if value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value); err == nil {
			found[value] = true
		}
		return true
	})
	if len(found) == 0 {
		t.Fatalf("no constant of package audit begins with %s", prefix)
	}
	return found
}
