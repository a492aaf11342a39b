package engine

import (
	"fmt"
	"slices"
	"testing"
)

// TestRevokeIsLinear: a file that grants one thing and revokes everything, over
// and over, is read in time proportional to its length. What that depends on is
// how many rules each revocation looks at, and those are the live ones.
func TestRevokeIsLinear(t *testing.T) {
	b := NewBuilder()
	s := intern(t, b, "S")
	objects := make([]Label, 1000)
	for i := range objects {
		objects[i] = intern(t, b, fmt.Sprint("O", i))
		b.Set(s, objects[i], Read, 0, i)
	}
	if n := live(b, s); n != len(objects) {
		t.Fatalf("%d live rules of %d", n, len(objects))
	}
	b.RevokeSubject(s, 0, 2000)
	for round := range 100 {
		if n := live(b, s); n != 0 {
			t.Fatalf("round %d: %d rules are still looked at", round, n)
		}
		o := objects[round*7%len(objects)]
		b.Change(s, o, Write, 0, 0, 3000)
		b.Set(s, o, Read, 0, 3000) // again: it must not stand there twice
		b.Set(s, objects[round], 0, 0, 3000)
		if n := live(b, s); n < 1 || n > 2 {
			t.Fatalf("round %d: %d rules are looked at", round, n)
		}
		b.RevokeSubject(s, 0, 4000)
	}
	p := b.Build()
	if p.RuleCount() != len(objects) {
		t.Errorf("%d rules are left of %d", p.RuleCount(), len(objects))
	}
	if slices.ContainsFunc(slices.Collect(p.Rules()), func(r Rule) bool { return r.Access != 0 }) {
		t.Error("a rule outlived its revocation")
	}
}

// live counts the rules that revoking a subject would look at.
func live(b *Builder, s Label) int {
	n := 0
	for at := b.last[s]; at != 0; at = b.previous[at-1] {
		n++
	}
	return n
}
