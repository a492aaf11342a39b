// Package long says how much of a test is run: the short form, which make test
// has time for, or the long one of make soak. Both are the same test. They differ
// in how many cases are drawn, and in that the long form draws others each time.
//
// A package takes part when its tests ask Long or Count, when it writes its
// figures by Report and Main, or else under Command, and when the Makefile names
// it in "soaked".
package long

import (
	"iter"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// The variables that a test of this package's users reads from its environment.
const (
	// SizeVariable is unset or 0 for the short form, else how often the long
	// form is run over: a whole number.
	SizeVariable = "LABELGATE_SOAK"
	// DurationVariable is how long the tests that go in rounds may take all
	// together, such as 1h; unset for as many rounds as SizeVariable says.
	DurationVariable = "LABELGATE_DURATION"
	// SeedVariable is the seed that a run has printed, to run it again.
	SeedVariable = "LABELGATE_SEED"
)

// Factor returns 0 for the short form, and how many times the long form's number
// of cases is asked for otherwise. A value that is no such number panics: a run
// of the wrong size would look like one of the right size.
func Factor() int {
	text := os.Getenv(SizeVariable)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		panic(SizeVariable + " is " + strconv.Quote(text) + ", not a whole number")
	}
	return n
}

// Long reports whether the long form is asked for.
func Long() bool { return Factor() > 0 }

// Count returns how many cases to draw: short, or full times Factor.
func Count(short, full int) int {
	if f := Factor(); f > 0 {
		return full * f
	}
	return short
}

// Duration returns what DurationVariable says, 0 when it is unset. A value that is
// no duration panics.
func Duration() time.Duration {
	text := os.Getenv(DurationVariable)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		panic(DurationVariable + " is " + strconv.Quote(text) + ", not a duration such as 1h30m")
	}
	return d
}

// Rounds yields the numbers of a test's rounds: Count(short, full) of them, or, in
// the long form where a Duration is given, at least short and then on for this
// test's share of it, 0..1.
func Rounds(short, full int, share float64) iter.Seq[int] {
	n, until := Count(short, full), time.Time{}
	if d := Duration(); d > 0 && Long() {
		n, until = short, time.Now().Add(time.Duration(share*float64(d)))
	}
	return func(yield func(int) bool) {
		for i := 0; i < n || time.Now().Before(until); i++ {
			if !yield(i) {
				return
			}
		}
	}
}

// Seed returns the seed to draw cases with and has t print it: fixed in the short
// form, so that all runs are alike, a new one in the long form, and the one of
// SeedVariable where that is set.
func Seed(t testing.TB, fixed uint64) uint64 {
	t.Helper()
	seed := fixed
	if text := os.Getenv(SeedVariable); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", SeedVariable, err)
		}
		seed = n
	} else if Long() {
		seed = uint64(rand.Uint32()) // a figure holds it exactly
	}
	t.Logf("seed: %s=%d", SeedVariable, seed)
	return seed
}

// Command returns the name under which a package keeps its figures, see package
// figures: the package's own, or Prefix and that in the long form, where make
// soak collects them.
func Command(name string) string {
	if Long() {
		return Prefix + name
	}
	return name
}

// Prefix begins the names of the figures of a long form.
const Prefix = "soak-"
