package main

import (
	"slices"
	"time"
)

// rounds is how often each side of a comparison is measured.
const rounds = 7

// side is one of the things that are compared: a name and a function that does
// some number of operations and returns how many.
type side struct {
	name string
	run  func() int
}

// interleave measures all sides in turn, round after round, so that whatever
// else the machine does disturbs them alike, and returns the nanoseconds an
// operation took, by side and round. Which side begins changes from round to
// round. A round before the first is not counted: it warms the caches.
func interleave(sides []side) [][]float64 {
	took := make([][]float64, len(sides))
	for round := -1; round < rounds; round++ {
		for i := range sides {
			at := (i + round + 1) % len(sides)
			start := time.Now()
			n := sides[at].run()
			elapsed := time.Since(start)
			if round >= 0 {
				took[at] = append(took[at], float64(elapsed.Nanoseconds())/float64(n))
			}
		}
	}
	return took
}

// median of the rounds of one side.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratio is the median of how many times longer slow took than fast, round by
// round.
func ratio(slow, fast []float64) float64 {
	all := make([]float64, len(slow))
	for i := range slow {
		all[i] = slow[i] / fast[i]
	}
	return median(all)
}
