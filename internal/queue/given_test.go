package queue

import "testing"

// TestGiven: what is refused is told apart, over the wrap of packet ids too.
func TestGiven(t *testing.T) {
	var g given
	for _, first := range []uint32{0, 1<<32 - 500} {
		for n := range uint32(1000) {
			g.note(first+n, n%3 == 0)
		}
		for n := range uint32(1000) {
			if got := g.accepted(first + n); got != (n%3 == 0) {
				t.Fatalf("packet %d: %v", first+n, got)
			}
		}
	}
	if !g.accepted(77777) {
		t.Error("a verdict that is forgotten counts as a drop that was recorded")
	}
}
