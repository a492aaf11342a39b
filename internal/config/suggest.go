package config

import (
	"fmt"
	"slices"

	"labelgate/internal/suggest"
)

// unknownKeyHint says what may have been meant by a key that its table does not
// have: a similar one there, or the same one of another table. The second is the
// trap of the format: a key written below a [header] belongs to that header.
func unknownKeyHint(name string, keys []key, where string) string {
	var names []string
	for _, k := range keys {
		names = append(names, k.name)
	}
	for _, t := range tables() {
		if t.where == where || !slices.ContainsFunc(t.keys, func(k key) bool { return k.name == name }) {
			continue
		}
		if t.where == "" {
			return fmt.Sprintf("%s belongs at the top of the file, before the first [header]", name)
		}
		if suggest.Nearest(name, names) == "" {
			return fmt.Sprintf("%s belongs in %s", name, t.where)
		}
	}
	return suggest.HintOrAll(name, names)
}

type tableKeys struct {
	where string
	keys  []key
}

// tables lists the keys of every table of the file.
func tables() []tableKeys {
	return []tableKeys{
		{"", new(rawFile).keys()}, {"[self]", new(rawSelf).keys()}, {"[[doi]]", new(rawDOI).keys()},
		{"[[zone]]", new(rawZone).keys()}, {"[queue]", new(rawQueue).keys()}, {"[audit]", new(rawAudit).keys()},
		{"[control]", new(rawControl).keys()}, {"[metrics]", new(rawMetrics).keys()},
	}
}
