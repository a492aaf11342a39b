package main

import (
	"runtime"

	"labelgate/test/figures"
)

// measureLoad times the way from the text of a rule file in memory to a policy
// that answers: reading, checking, interning labels, compiling.
func measureLoad(sets []*set, r *report) error {
	r.title("Load: text in memory to compiled policy")
	r.row("policy\ttext\ttime\trules/s")
	for _, s := range sets {
		times := max(1, 200_000/len(s.pairs))
		var failed error
		took := interleave([]side{{"load", func() int {
			for range times {
				b, err := s.builder()
				if err != nil {
					failed = err
					return 1
				}
				keep(b.Build().RuleCount())
			}
			return times * len(s.pairs)
		}}})
		if failed != nil {
			return failed
		}
		each := median(took[0])
		r.row("%s\t%.1f MB\t%.1f ms\t%.1f M", s.name, float64(len(s.text))/1e6, each*float64(len(s.pairs))/1e6, 1e3/each)
		r.Add(figures.Figure{ID: "load/" + s.id, Value: each * float64(len(s.pairs)) / 1e6, Unit: "ms"})
		r.Add(figures.Figure{ID: "load/" + s.id + "/rate", Value: 1e9 / each, Unit: "rules/s"}.AtLeast(rateOf(s)))
	}
	runtime.GC()
	return nil
}

// rateOf is the bar: four million rules a second, and half of it for a policy of
// which every rule misses the caches of a processor more than once.
func rateOf(s *set) float64 {
	if len(s.pairs) >= 1_000_000 {
		return 2e6
	}
	return 4e6
}
