package explain

import "labelgate/engine"

// nearest names the existing rule that comes closest to the one that is missing:
// of the same subject, to the object whose name has most in common; else to the
// same object. It never proposes a new rule.
func (e *explainer) nearest() {
	p := e.s.Policy()
	best, score := engine.Rule{}, 0
	for r := range p.Rules() {
		if r.Access&engine.Write == 0 {
			continue
		}
		n := 0
		switch {
		case r.Subject == e.v.Subject && r.Object != e.v.Object:
			n = 1000 + common(p.Name(r.Object), p.Name(e.v.Object))
		case r.Object == e.v.Object && r.Subject != e.v.Subject:
			n = 1 + common(p.Name(r.Subject), p.Name(e.v.Subject))
		}
		if n > score {
			best, score = r, n
		}
	}
	if score > 0 {
		e.remark("nearest", best.Origin.String(), "%s → %s %s", p.Name(best.Subject), p.Name(best.Object), best.Access)
	}
}

func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
