package docs

import (
	"os"
	"regexp"
	"testing"
)

// TestAuditPage: the page about records names every event and every field.
func TestAuditPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct{ what, source, pattern, from, to string }{
		{"event", "../../internal/audit/event.go", `Event\w+ += "(\w+)"`, "## Events", "## Fields"},
		{"field", "../../internal/audit/field.go", `case "(\w+)":`, "## Fields", "## Nothing"},
	} {
		source, err := os.ReadFile(part.source)
		if err != nil {
			t.Fatal(err)
		}
		var known []string
		for _, m := range regexp.MustCompile(part.pattern).FindAllSubmatch(source, -1) {
			known = append(known, string(m[1]))
		}
		if len(known) < 10 {
			t.Fatalf("only %d of each %s in the source", len(known), part.what)
		}
		section := regexp.MustCompile("(?s)" + part.from + "\n(.*)" + part.to).FindSubmatch(page)
		if section == nil {
			t.Fatalf("no section %s", part.from)
		}
		documented := map[string]bool{}
		for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllSubmatch(section[1], -1) {
			for _, m := range regexp.MustCompile("`(\\w+)`").FindAllSubmatch(row[1], -1) {
				documented[string(m[1])] = true
			}
		}
		compare(t, part.what, known, documented)
	}
}
