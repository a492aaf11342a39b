package catalog

import (
	"fmt"
	"regexp"
	"strings"
)

var field = regexp.MustCompile(`@LABELGATE_([A-Z_]+)@`)

// Table is the part of the manual about records other than decisions, in the words
// of the catalog.
func Table() string {
	var b strings.Builder
	b.WriteString("| event | meaning | what to do |\n|---|---|---|\n")
	for _, e := range events {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.event, named(e.subject+". "+e.meaning), named(e.advice))
	}
	return b.String()
}

// named puts the name of a field where the journal puts what it holds.
func named(text string) string {
	return field.ReplaceAllStringFunc(text, func(s string) string {
		return "`" + strings.ToLower(field.FindStringSubmatch(s)[1]) + "`"
	})
}
