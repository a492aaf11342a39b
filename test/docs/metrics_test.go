package docs

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"labelgate/internal/metrics"
)

// TestMetrics: the table of metrics is the code's own.
func TestMetrics(t *testing.T) {
	const head = "| metric | labels | meaning |\n|---|---|---|\n"
	var want strings.Builder
	for _, d := range metrics.Descriptions() {
		labels := ""
		if len(d.Labels) > 0 {
			labels = "`" + strings.Join(d.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", d.Name, labels, strings.TrimSuffix(d.Help, "."))
	}
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), head)
	if !ok {
		t.Fatal("no table of metrics")
	}
	end := strings.Index("\n"+rest, "\n\n")
	table, after := rest[:end], rest[end:]
	if *update {
		if err := os.WriteFile(reference, []byte(before+head+want.String()+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want.String() {
		t.Errorf("the table of metrics is not the code's; go test ./test/docs -update writes it anew\n%s", table)
	}
}
