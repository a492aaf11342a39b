// Package long says how much of a test is run: the short form, which make test
// has time for, or the long one of make soak. Both are the same test. They differ
// in how many cases are drawn, and in that the long form draws others each time.
//
// A package takes part when its tests ask Long or Count, when it writes its
// figures by Report and Main, or else under Command, and when the Makefile names
// it in "soaked".
package long

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// The variables that a test of this package's users reads from its environment.
const (
	// SizeVariable is unset or 0 for the short form, else how often the long
	// form is run over: a whole number.
	SizeVariable = "LABELGATE_SOAK"
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
