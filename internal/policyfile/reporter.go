package policyfile

import (
	"cmp"
	"fmt"
	"slices"
)

// maxProblems bounds the errors, and the warnings, that one set is reported with:
// a file that is something else entirely is one mistake, not a million.
const maxProblems = 500

// maxRemembered bounds the memory for labels.
const maxRemembered = 100_000

// reporter collects the problems of a set, and keeps a mistake that was reported
// once from being reported again where it has consequences.
type reporter struct {
	problems         Problems
	errors, warnings int               // counted beyond maxProblems too
	labels           map[string]bool   // labels reported as bad, or warned about
	good             map[string]string // labels that nothing is to be said of any more
	files            []string          // in the order in which they were read
}

func newReporter() *reporter {
	return &reporter{labels: make(map[string]bool), good: make(map[string]string)}
}

// add notes a problem, unless there are too many.
func (r *reporter) add(p Problem) {
	n := &r.errors
	if p.Warning {
		n = &r.warnings
	}
	if *n++; *n <= maxProblems {
		r.problems = append(r.problems, p)
	}
}

// first reports whether a label is seen here for the first time, and remembers it.
// When there are too many to remember, each time is the first: something said
// twice is better than a bad line that nobody hears of.
func (r *reporter) first(label string) bool {
	if r.labels[label] {
		return false
	}
	if len(r.labels) < maxRemembered {
		r.labels[label] = true
	}
	return true
}

// sorted returns what was found, by file in the order of reading, line and column.
func (r *reporter) sorted() Problems {
	order := make(map[string]int, len(r.files))
	for i, f := range r.files {
		order[f] = i
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	problems := r.problems
	if r.errors > maxProblems {
		problems = append(problems, Problem{File: problems[len(problems)-1].File, Code: "too-many", Message: fmt.Sprintf("more errors than the %d shown", maxProblems)})
	}
	if r.warnings > maxProblems {
		problems = append(problems, Problem{File: problems[len(problems)-1].File, Code: "too-many", Message: fmt.Sprintf("more warnings than the %d shown", maxProblems), Warning: true})
	}
	return problems
}
