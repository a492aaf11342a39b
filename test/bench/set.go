package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"labelgate/engine"
	"labelgate/internal/policyfile"
)

// set is a policy of some size: the two that Smack's developers published
// figures for, and one that is large.
type set struct {
	name   string // "39,800 rules, 200 labels"
	id     string // for figures
	labels int
	pairs  []pair // what the rules are about, in the order of the text
	text   []byte // the rules as a file
}

// pair is a subject and an object, as numbers of labels from 0.
type pair struct{ subject, object uint32 }

// modesOf are the modes of a rule: a third of them do not allow writing.
func modesOf(n int) string { return [...]string{"rwxa", "w", "rx"}[n%3] }

func writes(n int) bool { return n%3 != 2 }

func labelName(n uint32) string { return fmt.Sprintf("Label-%05d", n) }

// newSet makes a set in which every subject has rules for the same number of
// objects, picked at random, always the same ones.
func newSet(rules, labels int) *set {
	s := &set{
		name:   fmt.Sprintf("%s rules, %s labels", thousands(rules), thousands(labels)),
		id:     fmt.Sprintf("%d-%d", rules, labels),
		labels: labels,
	}
	random := rand.New(rand.NewPCG(1, uint64(rules)))
	for subject := range labels {
		taken := map[uint32]bool{uint32(subject): true}
		for len(taken) <= rules/labels {
			object := uint32(random.IntN(labels))
			if !taken[object] {
				taken[object] = true
				s.pairs = append(s.pairs, pair{uint32(subject), object})
			}
		}
	}
	// Packages install their rules one after the other; the rules of a subject
	// stand together in a file, but files come in no order of subjects.
	const block = 16
	blocks := make([][]pair, 0, len(s.pairs)/block+1)
	for rest := s.pairs; len(rest) > 0; {
		n := min(block, len(rest))
		blocks = append(blocks, rest[:n:n])
		rest = rest[n:]
	}
	random.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	shuffled := make([]pair, 0, len(s.pairs))
	for _, b := range blocks {
		shuffled = append(shuffled, b...)
	}
	s.pairs = shuffled
	var text bytes.Buffer
	for i, p := range s.pairs {
		fmt.Fprintf(&text, "%s %s %s\n", labelName(p.subject), labelName(p.object), modesOf(i))
	}
	s.text = text.Bytes()
	return s
}

// builder reads the set's text.
func (s *set) builder() (*engine.Builder, error) {
	b := engine.NewBuilder()
	if problems := policyfile.Rules("rules", s.text, policyfile.Labelgate, b); len(problems) > 0 {
		return nil, problems
	}
	return b, nil
}

// policy returns the set compiled, and the labels in it by their numbers here.
func (s *set) policy() (*engine.Policy, []engine.Label, error) {
	b, err := s.builder()
	if err != nil {
		return nil, nil, err
	}
	p := b.Build()
	labels := make([]engine.Label, s.labels)
	for i := range labels {
		l, ok := p.Lookup(labelName(uint32(i)))
		if !ok {
			return nil, nil, fmt.Errorf("%s: no label %s", s.name, labelName(uint32(i)))
		}
		labels[i] = l
	}
	if n := p.RuleCount(); n != len(s.pairs) {
		return nil, nil, fmt.Errorf("%s: %d rules were loaded", s.name, n)
	}
	return p, labels, nil
}

// existing returns n pairs that have a rule, absent n that have none and are not
// twice the same label.
func (s *set) existing(n int) []pair {
	random := rand.New(rand.NewPCG(2, 2))
	out := make([]pair, n)
	for i := range out {
		out[i] = s.pairs[random.IntN(len(s.pairs))]
	}
	return out
}

func (s *set) absent(n int) []pair {
	there := make(map[pair]bool, len(s.pairs))
	for _, p := range s.pairs {
		there[p] = true
	}
	if len(there) == s.labels*(s.labels-1) {
		return nil // all have one
	}
	random := rand.New(rand.NewPCG(3, 3))
	out := make([]pair, 0, n)
	for len(out) < n {
		p := pair{uint32(random.IntN(s.labels)), uint32(random.IntN(s.labels))}
		if p.subject != p.object && !there[p] {
			out = append(out, p)
		}
	}
	return out
}

// thousands writes a number with commas.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
