package engine

import (
	"math/rand/v2"
	"testing"
)

// questions are pairs that have a rule, in an order without one; a power of two
// of them.
func (s set) questions(p *Policy) [][2]Label {
	r := rand.New(rand.NewPCG(11, 0))
	q := make([][2]Label, 1<<16)
	for i := range q {
		rule := p.Rule(RuleID(r.IntN(p.RuleCount())))
		q[i] = [2]Label{rule.Subject, rule.Object}
	}
	return q
}

func BenchmarkCheck(b *testing.B) {
	for _, s := range sets {
		b.Run(s.name, func(b *testing.B) {
			p := s.load(s.names())
			q := s.questions(p)
			b.ReportAllocs()
			allowed, i := 0, 0
			for b.Loop() {
				pair := &q[i&(len(q)-1)]
				if p.Check(pair[0], pair[1], Write).Allowed {
					allowed++
				}
				i++
			}
			if allowed == 0 {
				b.Fatal("nothing is allowed")
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, s := range sets {
		b.Run(s.name, func(b *testing.B) {
			names := s.names()
			for b.Loop() {
				s.load(names)
			}
			b.ReportMetric(float64(s.rules())*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrules/s")
		})
	}
}
