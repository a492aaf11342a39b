package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const accessVectors = "../test/vectors/access/"

// TestKernelAccess: every question that was put to a running kernel has the same
// answer here, after the same writes with the same results.
func TestKernelAccess(t *testing.T) {
	policies := make(map[string]*Policy)
	asked, differ := 0, 0
	for line, f := range rows(t, accessVectors+"access_vectors.tsv", 5) {
		p, ok := policies[f[0]]
		if !ok {
			p = replay(t, f[0])
			policies[f[0]] = p
		}
		asked++
		if got := p.access2(unescape(t, f[1]), unescape(t, f[2]), unescape(t, f[3])); got != f[4] {
			if differ++; differ <= 20 {
				t.Errorf("line %d: %s: %s %s %s: %s, the kernel answered %s", line, f[0], f[1], f[2], f[3], got, f[4])
			}
		}
	}
	t.Logf("%d questions over %d sets of rules, %d answered differently", asked, len(policies), differ)
	if asked != 38091 || len(policies) != 12 || differ > 0 {
		t.Errorf("%d questions over %d sets, %d answers differ; want 38091, 12 and 0", asked, len(policies), differ)
	}
}

// access2 answers as the file of that name does.
func (p *Policy) access2(subject, object, modes string) string {
	subject, ok := kernelLabel(subject)
	if !ok {
		return invalid
	}
	object, ok = kernelLabel(object)
	if !ok {
		return invalid
	}
	s, _ := p.Lookup(subject)
	o, _ := p.Lookup(object)
	if p.Check(s, o, ParseAccessKernel(modes)).Allowed {
		return "1"
	}
	return "0"
}

// replay makes the policy of a set of rules, and compares the results of its
// writes and the list of its rules with what the kernel gave.
func replay(t *testing.T, set string) *Policy {
	t.Helper()
	k := kernel{NewBuilder()}
	file := accessVectors + "rules/rules_" + set + ".txt"
	for i, line := range lines(t, file) {
		f := strings.Split(line, "\t")
		if got := k.write(t, f[0], unescape(t, f[1])); got != f[2] {
			t.Errorf("%s:%d: %s, the kernel said %s", file, i+1, got, f[2])
		}
	}
	p := k.Build()
	var got []string
	for r := range p.Rules() {
		if r.Access != 0 {
			got = append(got, p.Name(r.Subject)+" "+p.Name(r.Object)+" "+r.Access.String())
		}
	}
	want := slices.Clone(lines(t, accessVectors+"rules/load2_after_"+set+".txt"))
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: the rules read back (-kernel +ours):\n%s", set, d)
	}
	return p
}
