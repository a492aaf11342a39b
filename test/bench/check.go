package main

import (
	"labelgate/engine"
	"labelgate/test/figures"
)

// questions is how many different pairs are asked about: more than the caches
// of a processor hold rules for.
const questions = 1 << 19

// measureCheck times the question that every packet asks: may S write to O?
func measureCheck(sets []*set, r *report) error {
	r.title("One check (may S write to O?), %s pairs at random", thousands(questions))
	r.row("policy\tpair has a rule\tchecks/s\tpair has none\tchecks/s")
	for _, s := range sets {
		p, labels, err := s.policy()
		if err != nil {
			return err
		}
		sides := []side{{"existing", askEach(p, labels, s.existing(questions))}}
		absent := s.absent(questions)
		if absent != nil {
			sides = append(sides, side{"absent", askEach(p, labels, absent)})
		}
		took := interleave(sides)
		for i, side := range sides {
			r.Add(figures.Figure{ID: "check/" + s.id + "/" + side.name, Value: median(took[i]), Unit: "ns"})
		}
		if absent == nil {
			r.row("%s\t%.1f ns\t%.0f M\tevery pair has one\t", s.name, median(took[0]), 1e3/median(took[0]))
			continue
		}
		r.row("%s\t%.1f ns\t%.0f M\t%.1f ns\t%.0f M", s.name, median(took[0]), 1e3/median(took[0]), median(took[1]), 1e3/median(took[1]))
	}
	return nil
}

// asked is a pair in the numbers of a policy.
type asked struct{ subject, object engine.Label }

func askEach(p *engine.Policy, labels []engine.Label, pairs []pair) func() int {
	queries := translate(labels, pairs)
	return func() int {
		allowed := 0
		for _, q := range queries {
			if p.Check(q.subject, q.object, engine.Write).Allowed {
				allowed++
			}
		}
		keep(allowed)
		return len(queries)
	}
}

func translate(labels []engine.Label, pairs []pair) []asked {
	queries := make([]asked, len(pairs))
	for i, q := range pairs {
		queries[i] = asked{labels[q.subject], labels[q.object]}
	}
	return queries
}

// keep takes a result, so that the compiler does not leave out what is measured.
//
//go:noinline
func keep(int) {}
