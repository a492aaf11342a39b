package policyfile

import (
	"fmt"
	"strings"
)

// didYouMean returns a hint that names the word most like name, or "".
func didYouMean(name string, words []string) string {
	if w := similar(name, words); w != "" {
		return fmt.Sprintf("did you mean %q?", w)
	}
	return ""
}

// similar returns the word nearest to name, or "" when none is near enough to be
// what was meant.
func similar(name string, words []string) string {
	if len(name) > 64 {
		return ""
	}
	best, nearest := "", max(1, len(name)/3)+1
	for _, w := range words {
		if d := distance(strings.ToLower(name), strings.ToLower(w)); d < nearest {
			best, nearest = w, d
		}
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
