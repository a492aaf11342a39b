package main

import (
	"fmt"
	"time"

	"labelgate/engine"
	"labelgate/test/figures"
)

// The names under which figures mention the peers.
const (
	peer2008 = "one list of all rules, compared by name (Smack, 2008)"
	peer2011 = "a list per subject, compared by number (Smack, since 2011)"
)

// measurePeers times the same questions against Smack's own structures.
func measurePeers(sets []*set, r *report) error {
	r.title("One check beside Smack's own structures, same questions, median of %d rounds in turn", rounds)
	r.row("policy\tpair\tlabelgate\tlist per subject\tratio\tone list\tratio")
	for _, s := range sets {
		p, labels, err := s.policy()
		if err != nil {
			return err
		}
		c := comparison{policy: p, labels: labels, list2008: newList2008(s, names(s)), list2011: newList2011(s), names: names(s)}
		for _, kind := range []struct {
			name  string
			pairs []pair
		}{{"existing", s.existing(questions)}, {"absent", s.absent(questions)}} {
			if kind.pairs == nil {
				continue
			}
			if err := c.agree(kind.pairs); err != nil {
				return fmt.Errorf("%s, %s: %w", s.name, kind.name, err)
			}
			took := interleave([]side{
				{"labelgate", askEach(p, labels, kind.pairs)},
				{"2011", c.ask2011(kind.pairs)},
				{"2008", c.ask2008(kind.pairs)},
			})
			over2011, over2008 := ratio(took[1], took[0]), ratio(took[2], took[0])
			r.row("%s\t%s\t%.1f ns\t%s\t%.0f x\t%s\t%.0f x", s.name, kind.name, median(took[0]), span(median(took[1])), over2011, span(median(took[2])), over2008)
			id := "peers/" + s.id + "/" + kind.name
			f2011 := figures.Figure{ID: id + "/2011", Value: over2011, Unit: "x", Against: peer2011}
			f2008 := figures.Figure{ID: id + "/2008", Value: over2008, Unit: "x", Against: peer2008}
			if kind.name == "existing" {
				f2011, f2008 = f2011.AtLeast(barsOf(s).over2011), f2008.AtLeast(barsOf(s).over2008)
			}
			r.Add(f2011, f2008,
				figures.Figure{ID: id + "/2011/time", Value: median(took[1]), Unit: "ns"},
				figures.Figure{ID: id + "/2008/time", Value: median(took[2]), Unit: "ns"},
				figures.Figure{ID: id + "/labelgate/time", Value: median(took[0]), Unit: "ns"})
		}
	}
	return nil
}

// bars are how many times faster a check is to be.
type bars struct{ over2011, over2008 float64 }

// barsOf is a fraction of what half the length of a list is worth, for a check
// consists of more than the search, and machines differ.
func barsOf(s *set) bars {
	switch len(s.pairs) / s.labels {
	case 199:
		return bars{8, 2_000}
	case 34:
		return bars{2, 1_000}
	}
	return bars{4, 10_000}
}

type comparison struct {
	policy   *engine.Policy
	labels   []engine.Label
	list2008 *list2008
	list2011 *list2011
	names    []string
}

func names(s *set) []string {
	all := make([]string, s.labels)
	for i := range all {
		all[i] = labelName(uint32(i))
	}
	return all
}

// agree checks that all three give the same answers, to as many of the questions
// as the slowest can answer in a moment, but at least a hundred.
func (c *comparison) agree(pairs []pair) error {
	start := time.Now()
	for i, q := range pairs {
		ours := c.policy.Check(c.labels[q.subject], c.labels[q.object], engine.Write).Allowed
		if second := c.list2011.check(q.subject+firstNumber, q.object+firstNumber); second != ours {
			return fmt.Errorf("%v: %v here, %v in a list per subject", q, ours, second)
		}
		if i >= 100 && time.Since(start) > 200*time.Millisecond {
			continue
		}
		if third := c.list2008.check(c.names[q.subject], c.names[q.object]); third != ours {
			return fmt.Errorf("%v: %v here, %v in one list", q, ours, third)
		}
	}
	return nil
}

// slice is how long a peer is timed in a round.
const slice = 40 * time.Millisecond

// during asks questions until the slice is over and returns their number. It
// looks at the clock once in a batch, and goes on where it stopped.
func during(batch, questions int, ask func(i int) bool) func() int {
	at := 0
	return func() int {
		allowed, n := 0, 0
		for start := time.Now(); time.Since(start) < slice; n += batch {
			for range batch {
				if ask(at) {
					allowed++
				}
				if at++; at == questions {
					at = 0
				}
			}
		}
		keep(allowed)
		return n
	}
}

func (c *comparison) ask2011(pairs []pair) func() int {
	return during(4096, len(pairs), func(i int) bool {
		return c.list2011.check(pairs[i].subject+firstNumber, pairs[i].object+firstNumber)
	})
}

func (c *comparison) ask2008(pairs []pair) func() int {
	return during(2, len(pairs), func(i int) bool {
		return c.list2008.check(c.names[pairs[i].subject], c.names[pairs[i].object])
	})
}

// span writes nanoseconds for people.
func span(ns float64) string {
	switch {
	case ns >= 1e6:
		return fmt.Sprintf("%.1f ms", ns/1e6)
	case ns >= 1e4:
		return fmt.Sprintf("%.1f us", ns/1e3)
	}
	return fmt.Sprintf("%.0f ns", ns)
}
