package sandbox

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of docs/confinement.md anew")

const confinement = "../../docs/confinement.md"

// documented holds what the page has below a heading, after its words of
// introduction, against a table.
func documented(t *testing.T, heading, table string) {
	t.Helper()
	b, err := os.ReadFile(confinement)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(b), heading+"\n\n")
	if !found {
		t.Fatalf("%s has no %q", confinement, heading)
	}
	words, rest, found := strings.Cut(rest, "\n\n")
	if !found {
		t.Fatalf("%s: nothing below %q", confinement, heading)
	}
	old, after, more := strings.Cut(rest, "\n## ")
	if more {
		after = "\n## " + after
	}
	if old == table {
		return
	}
	if !*update {
		t.Errorf("%s: what is below %q is not so; go test ./internal/sandbox -update writes it anew. It is\n%s", confinement, heading, table)
		return
	}
	if err := os.WriteFile(confinement, []byte(before+heading+"\n\n"+words+"\n\n"+table+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDocumentedCalls: the page lists every system call of every role.
func TestDocumentedCalls(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		return // the page is about that
	}
	var page strings.Builder
	for _, r := range []Role{Judge, Auditor, Control, Keeper} {
		var names []string
		for _, c := range (&Profile{Role: r}).table(1) {
			name := "`" + c.name + "`"
			if len(c.clauses) > 0 {
				name = "*" + name + "*"
			}
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.Trim(a, "*"), strings.Trim(b, "*")) })
		fmt.Fprintf(&page, "- **%s**, %d: %s\n", r, len(names), strings.Join(names, ", "))
	}
	documented(t, "## System calls", page.String())
}
