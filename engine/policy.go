package engine

import "iter"

// Policy is a compiled set of rules. It never changes and may be shared by any
// number of goroutines.
type Policy struct {
	names  []string
	index  map[string]Label
	files  []string
	rules  []rule
	layers []layer // by LayerID, [0] holds the global rules
	matrix *matrix // of the global rules, nil when there are too many labels

	logging    int
	bringup    bool
	unconfined Label
}

type layer struct {
	name  string
	count int
	table table
}

// find returns the index of the global rule of a subject and an object and what
// it says, or -1. Both must be labels of the policy.
func (p *Policy) find(s, o Label) (int32, Access) {
	if p.matrix != nil {
		return p.matrix.find(s, o)
	}
	return p.layers[global].table.find(s, o)
}

// has reports whether a label is one of the policy's.
func (p *Policy) has(l Label) bool { return l != Unknown && int(l) < len(p.names) }

// Lookup returns the label of a name.
func (p *Policy) Lookup(name string) (Label, bool) {
	l, ok := p.index[name]
	return l, ok
}

// LookupBytes is Lookup for a byte slice. It does not allocate.
func (p *Policy) LookupBytes(name []byte) (Label, bool) {
	l, ok := p.index[string(name)]
	return l, ok
}

// Name returns a label's name, the empty string for Unknown and for a label of
// another policy that this one does not have.
func (p *Policy) Name(l Label) string {
	if int(l) >= len(p.names) {
		return ""
	}
	return p.names[l]
}

// Labels returns the number of labels and one more for Unknown: every label is
// less.
func (p *Policy) Labels() int { return len(p.names) }

// Layer finds a restrict-only layer by its name.
func (p *Policy) Layer(name string) (LayerID, bool) {
	for i := 1; i < len(p.layers); i++ {
		if p.layers[i].name == name {
			return LayerID(i), true
		}
	}
	return 0, false
}

// LayerName returns the name of a layer, the empty string for 0 and for a number
// that is no layer of this policy.
func (p *Policy) LayerName(l LayerID) string {
	if int(l) >= len(p.layers) {
		return ""
	}
	return p.layers[l].name
}

// Rule returns a rule by the number in a Decision. It panics for NoRule and for
// the number of another policy's rule that this one does not have.
func (p *Policy) Rule(id RuleID) Rule { return p.rules[id].export(p.files) }

// RuleIDs returns the number of rules in all lists: every RuleID is less.
func (p *Policy) RuleIDs() int { return len(p.rules) }

// RuleLayer returns the layer that a rule belongs to, 0 for a global one. It panics
// as Rule does.
func (p *Policy) RuleLayer(id RuleID) LayerID { return p.rules[id].list }

// RuleCount returns the number of global rules, empty ones included.
func (p *Policy) RuleCount() int { return p.layers[global].count }

// Rules returns the global rules, the empty ones included, in the order in which
// their pairs were first named.
func (p *Policy) Rules() iter.Seq[Rule] { return p.LayerRules(global) }

// LayerRules returns the rules of a restrict-only layer in the same way.
func (p *Policy) LayerRules(l LayerID) iter.Seq[Rule] {
	return func(yield func(Rule) bool) {
		for i := range p.rules {
			if p.rules[i].list == l && !yield(p.Rule(RuleID(i))) {
				return
			}
		}
	}
}
