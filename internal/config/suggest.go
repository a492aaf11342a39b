package config

import (
	"fmt"
	"slices"
	"strings"
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
		if similar(name, names) == "" {
			return fmt.Sprintf("%s belongs in %s", name, t.where)
		}
	}
	return didYouMean(name, names)
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
	}
}

// didYouMean returns a hint that names the word most like name, or lists all of
// them when none is.
func didYouMean(name string, words []string) string {
	if s := similar(name, words); s != "" {
		return fmt.Sprintf("did you mean %q?", s)
	}
	return "known: " + strings.Join(words, ", ")
}

// similar returns the first of the words that are nearest to name, or "" when
// the nearest is too far away to be what was meant.
func similar(name string, words []string) string {
	if len(name) > 64 {
		return ""
	}
	best, nearest := "", max(1, len(name)/3)+1
	for _, w := range words {
		if d := distance(strings.ToLower(name), w); d < nearest {
			best, nearest = w, d
		}
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	before, last, row := rows[0], rows[1], rows[2]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
