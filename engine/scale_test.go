package engine

import (
	"math/rand/v2"
	"reflect"
	"runtime"
	"strconv"
	"testing"
)

// set is a policy of a size, as text that was cut into lines already.
type set struct {
	name            string
	labels, objects int // objects of each subject
}

// The sizes that the peers' figures are of, and the one that is promised.
var sets = []set{
	{"17000x500", 500, 34},
	{"39800x200", 200, 199},
	{"1000000x10000", 10_000, 100},
}

func (s set) rules() int { return s.labels * s.objects }

// names returns the labels' names.
func (s set) names() [][]byte {
	names := make([][]byte, s.labels)
	for i := range names {
		names[i] = strconv.AppendInt([]byte("System::Label-"), int64(i), 10)
	}
	return names
}

// each yields the index of each rule's subject and object, in an order without
// one, and what it grants. No pair comes twice.
func (s set) each(yield func(subject, object int, a Access)) {
	r := rand.New(rand.NewPCG(7, uint64(s.labels)))
	for _, n := range r.Perm(s.rules()) {
		subject, k := n%s.labels, n/s.labels
		yield(subject, (subject+1+k*s.stride())%s.labels, Access(r.UintN(63)+1))
	}
}

// stride spreads the objects of a subject over all labels.
func (s set) stride() int { return (s.labels - 1) / s.objects }

// load goes the way of a file: each name is looked up for each rule.
func (s set) load(names [][]byte) *Policy {
	b := NewBuilder()
	f := b.File("rules")
	line := 0
	s.each(func(subject, object int, a Access) {
		line++
		sl, _ := b.InternBytes(names[subject])
		ol, _ := b.InternBytes(names[object])
		b.Set(sl, ol, a, f, line)
	})
	return b.Build()
}

// TestScale: a million rules over ten thousand labels load and answer, within
// forty bytes a rule.
func TestScale(t *testing.T) {
	s := sets[2]
	names := s.names()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p := s.load(names)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if p.RuleCount() != 1_000_000 || p.Labels() != 10_000+int(FirstLabel) {
		t.Fatalf("%d rules, %d labels", p.RuleCount(), p.Labels())
	}
	// Labels cost about a hundred bytes each, which no rule pays for.
	if perRule := float64(after.HeapAlloc-before.HeapAlloc-100*10_000) / 1e6; perRule > 40 {
		t.Errorf("%.1f bytes a rule", perRule)
	}
	labels := make([]Label, len(names))
	for i, n := range names {
		labels[i], _ = p.LookupBytes(n)
	}
	wrong, line := 0, 0
	s.each(func(subject, object int, a Access) {
		line++
		d := p.Check(labels[subject], labels[object], a)
		if !d.Allowed || d.Step != StepRule || p.Rule(d.Rule).Origin.Line != line {
			wrong++
		}
		if lacks := p.Check(labels[subject], labels[object], Write|Lock|Append|Transmute|Read|Execute); lacks.Allowed != (a|Lock == 63 && a&Write != 0 || a == 63) {
			wrong++
		}
		if none := p.Check(labels[subject], labels[(object+1)%len(labels)], Write); none.Rule != NoRule && s.stride() > 1 {
			wrong++
		}
	})
	if wrong > 0 {
		t.Errorf("%d wrong answers", wrong)
	}
}

// TestProbes: the cost of an answer does not depend on the number of rules. What
// it depends on is how many slots are looked at, and that is counted here.
func TestProbes(t *testing.T) {
	for _, s := range sets {
		t.Run(s.name, func(t *testing.T) {
			names := s.names()
			p := s.load(names)
			tab := &p.layers[global].table
			total, longest := 0, 0
			for i := range p.rules {
				r := &p.rules[i]
				lo, hi := tab.start[r.subject], tab.start[r.subject+1]
				n, probes := place(r.object, lo, hi), 1
				for Label(tab.slots[n].object>>accessBits) != r.object {
					probes++
					if n++; n == hi {
						n = lo
					}
				}
				total, longest = total+probes, max(longest, probes)
			}
			mean := float64(total) / float64(len(p.rules))
			t.Logf("%.2f slots on average, %d at most", mean, longest)
			if mean > 2.5 || longest > 64 {
				t.Errorf("%.2f slots on average, %d at most", mean, longest)
			}
		})
	}
}

// TestSizes: what is stored by the million stays small.
func TestSizes(t *testing.T) {
	if n := reflect.TypeFor[rule]().Size(); n != 16 {
		t.Errorf("a rule has %d bytes", n)
	}
	if n := reflect.TypeFor[slot]().Size(); n != 8 {
		t.Errorf("a slot has %d bytes", n)
	}
	if n := reflect.TypeFor[Decision]().Size(); n > 12 {
		t.Errorf("a decision has %d bytes", n)
	}
}
