// Package suggest finds the word that was meant by one that does not exist.
package suggest

import (
	"fmt"
	"strings"
)

// maxWord bounds the work: a longer word is nobody's slip of the pen.
const maxWord = 64

// Nearest returns the first of the known words that are nearest to word, without
// regard to case, or "" when the nearest is too far away to be what was meant.
func Nearest(word string, known []string) string {
	if len(word) > maxWord {
		return ""
	}
	best, nearest := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < nearest {
			best, nearest = k, d
		}
	}
	return best
}

// Hint asks whether the nearest word was meant; it is "" when there is none.
func Hint(word string, known []string) string {
	if k := Nearest(word, known); k != "" {
		return fmt.Sprintf("did you mean %q?", k)
	}
	return ""
}

// HintOrAll is Hint, but lists the known words when none is near.
func HintOrAll(word string, known []string) string {
	if h := Hint(word, known); h != "" {
		return h
	}
	return "known: " + strings.Join(known, ", ")
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment).
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
