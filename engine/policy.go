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

	// matrix holds, for policies with few labels, the index + 1 of the rule of
	// each pair. It answers in one access to memory where the table needs two.
	matrix []int32
	stride uint32

	subjects subjects

	logging    int
	bringup    bool
	unconfined Label
}

type layer struct {
	name  string
	table table
}

// matrixLabels is the number of labels up to which a matrix is built: 4 MiB.
const matrixLabels = 1024

// Build compiles what was collected. The Builder must not be used afterwards.
func (b *Builder) Build() *Policy {
	p := &Policy{
		names: b.names, index: b.index, files: b.files, rules: b.rules,
		logging: b.logging, bringup: b.bringup, unconfined: b.unconfined,
	}
	for _, l := range b.layers {
		p.layers = append(p.layers, layer{name: l.name, table: l.table})
	}
	if n := len(p.names); n <= matrixLabels {
		p.stride = uint32(n)
		p.matrix = make([]int32, n*n)
		for i := range p.rules {
			if r := &p.rules[i]; r.layer == 0 {
				p.matrix[uint32(r.subject)*p.stride+uint32(r.object)] = int32(i) + 1
			}
		}
	}
	p.subjects = newSubjects(p.rules, len(p.names))
	return p
}

// find returns the index of the global rule of a subject and an object, or -1.
func (p *Policy) find(s, o Label) int32 {
	if p.matrix != nil {
		return p.matrix[uint32(s)*p.stride+uint32(o)] - 1
	}
	return p.layers[0].table.find(p.rules, s, o)
}

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

// Rule returns a rule by the number in a Decision, which must not be NoRule.
func (p *Policy) Rule(id RuleID) Rule {
	r := &p.rules[id]
	return Rule{Subject: r.subject, Object: r.object, Access: r.access, Origin: Origin{File: p.files[r.file], Line: int(r.line)}}
}

// RuleCount returns the number of global rules, empty ones included.
func (p *Policy) RuleCount() int { return p.layers[0].table.used }

// Rules returns the global rules in the order in which their pairs were first
// named.
func (p *Policy) Rules() iter.Seq[Rule] {
	return func(yield func(Rule) bool) {
		for i := range p.rules {
			if p.rules[i].layer == 0 && !yield(p.Rule(RuleID(i))) {
				return
			}
		}
	}
}
