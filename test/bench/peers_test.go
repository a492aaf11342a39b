package main

import (
	"testing"

	"labelgate/engine"
)

// TestPeersAgree: the structures that are compared answer alike, for every pair
// of labels of a small set.
func TestPeersAgree(t *testing.T) {
	s := newSet(2_000, 50)
	p, labels, err := s.policy()
	if err != nil {
		t.Fatal(err)
	}
	c := comparison{policy: p, labels: labels, list2008: newList2008(s, names(s)), list2011: newList2011(s), names: names(s)}
	var all []pair
	for subject := range uint32(s.labels) {
		for object := range uint32(s.labels) {
			all = append(all, pair{subject, object})
		}
	}
	if err := c.agree(all); err != nil {
		t.Error(err)
	}
	for _, name := range [][2]string{{"*", "*"}, {"*", "@"}, {"@", "*"}, {"@", "_"}, {"_", "@"}, {"_", "*"}, {"_", "_"}, {"^", "_"}, {"_", "?"}} {
		subject, _ := p.Lookup(name[0])
		object, _ := p.Lookup(name[1])
		if ours, theirs := p.Check(subject, object, engine.Write).Allowed, c.list2008.check(name[0], name[1]); ours != theirs {
			t.Errorf("%v: %v, in one list %v", name, ours, theirs)
		}
	}
}

// TestSet: a set has the rules that its name says, none twice and none about one
// label alone.
func TestSet(t *testing.T) {
	for _, size := range [][2]int{{2_450, 50}, {340, 10 * 34}} {
		s := newSet(size[0], size[1])
		seen := make(map[pair]bool)
		for _, p := range s.pairs {
			if seen[p] || p.subject == p.object {
				t.Fatalf("%s: %v", s.name, p)
			}
			seen[p] = true
		}
		if len(seen) != size[0] {
			t.Errorf("%s: there are %d", s.name, len(seen))
		}
		for _, p := range s.absent(100) {
			if seen[p] || p.subject == p.object {
				t.Errorf("%s: %v passes for absent", s.name, p)
			}
		}
	}
	if s := newSet(2_450, 50); s.absent(1) != nil {
		t.Error("every pair has a rule, and yet one is absent")
	}
}

// TestTraffic: each kind of packet gets the verdict that its row in the table
// says.
func TestTraffic(t *testing.T) {
	g, err := newGateway(newSet(1_000, 100), 300)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 256)
	for _, k := range kinds() {
		t.Run(k.id, func(t *testing.T) {
			if err := g.check(k, [][]byte{k.make(g), k.make(g), k.make(g)}, out); err != nil {
				t.Error(err)
			}
		})
	}
}
