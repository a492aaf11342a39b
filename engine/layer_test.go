package engine

import (
	"slices"
	"testing"
)

// TestLayer: a layer can only take away, whatever it says.
func TestLayer(t *testing.T) {
	b := world(t)
	l := b.Layer("enclave")
	f := l.File("enclave.rules")
	for i, r := range [][3]string{
		{"foo", "write", "r"}, {"foo", "all", "w"}, {"foo", "bar", "rwxatl"}, {"foo", "foo", "-"}, {"foo", "*", "r"}, {"foo", "bringup", "wb"},
	} {
		l.Set(intern(t, b, r[0]), intern(t, b, r[1]), access(t, r[2]), f, i+1)
	}
	p := b.Build()
	id, ok := p.Layer("enclave")
	if !ok || id == 0 {
		t.Fatalf("Layer = %d, %v", id, ok)
	}
	for _, tt := range []struct {
		name            string
		subject, object string
		want            string
		global, layer   bool
		line            int // of the layer's rule
	}{
		{"the layer has no such pair", "foo", "read", "r", true, true, 0},
		{"the layer lacks it", "foo", "write", "w", true, false, 1},
		{"the layer grants a part", "foo", "all", "w", true, true, 2},
		{"write grants lock here too", "foo", "all", "l", true, true, 2},
		{"but no more", "foo", "all", "wl", true, true, 2},
		{"the layer lacks a part", "foo", "all", "rw", true, false, 2},
		{"the layer cannot allow", "foo", "bar", "w", false, true, 3},
		{"even what all may is taken away", "foo", "foo", "w", true, false, 4},
		{"even of star", "foo", "*", "w", true, false, 5},
		{"nothing asked of an empty rule", "foo", "foo", "-", true, true, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, o, want := label(p, tt.subject), label(p, tt.object), access(t, tt.want)
			if d := p.Check(s, o, want); d.Allowed != tt.global {
				t.Errorf("the rules: %+v", d)
			}
			d := p.CheckLayer(id, s, o, want)
			if d.Allowed != tt.layer || d.Step != StepLayer || d.Report {
				t.Errorf("the layer: %+v", d)
			}
			switch {
			case tt.line == 0:
				if d.Rule != NoRule {
					t.Errorf("rule %d", d.Rule)
				}
			case p.Rule(d.Rule).Origin != (Origin{File: "enclave.rules", Line: tt.line}):
				t.Errorf("rule of %v, want line %d", p.Rule(d.Rule).Origin, tt.line)
			}
		})
	}
	if d := p.CheckLayer(0, label(p, "foo"), label(p, "write"), Read); !d.Allowed {
		t.Errorf("no layer: %+v", d)
	}
	if d := p.CheckLayer(id, Unknown, 1<<31, Write); !d.Allowed || d.Rule != NoRule {
		t.Errorf("labels without rules: %+v", d)
	}
	if d := p.CheckLayer(id+1, label(p, "foo"), label(p, "foo"), Write); d.Allowed {
		t.Error("a layer that does not exist allows")
	}
	if _, ok := p.Layer("other"); ok {
		t.Error("a layer that nobody made")
	}
	if _, ok := p.Layer(""); ok {
		t.Error("the global rules pass for a layer")
	}
	if got := len(slices.Collect(p.LayerRules(id))); got != 6 {
		t.Errorf("%d rules in the layer", got)
	}
	if got := len(slices.Collect(p.Rules())); got != 13 || p.RuleCount() != 13 {
		t.Errorf("%d global rules, %d counted", got, p.RuleCount())
	}
	if p.LayerName(id) != "enclave" || p.LayerName(0) != "" || p.LayerName(id+1) != "" {
		t.Errorf("layers are called %q, %q, %q", p.LayerName(0), p.LayerName(id), p.LayerName(id+1))
	}
	byLayer := make(map[LayerID]int)
	for i := range p.RuleIDs() {
		byLayer[p.RuleLayer(RuleID(i))]++
	}
	if len(byLayer) != 2 || byLayer[0] != 13 || byLayer[id] != 6 {
		t.Errorf("rules by layer: %v", byLayer)
	}
}

// TestLayersAreApart: the verbs of one list leave the others alone.
func TestLayersAreApart(t *testing.T) {
	b := NewBuilder()
	s, o := intern(t, b, "S"), intern(t, b, "O")
	one, two := b.Layer("one"), b.Layer("two")
	if b.Layer("one") != one {
		t.Error("one name, two layers")
	}
	b.Set(s, o, Read, 0, 1)
	one.Set(s, o, Write, 0, 2)
	two.Change(s, o, Execute, 0, 0, 3)
	one.RevokeSubject(s, 0, 4)
	for _, tt := range []struct {
		name string
		list *LayerBuilder
		want Access
		line int
	}{
		{"global", &b.LayerBuilder, Read, 1}, {"revoked", one, 0, 4}, {"other", two, Execute, 3},
	} {
		if r, ok := tt.list.Lookup(s, o); !ok || r.Access != tt.want || r.Origin.Line != tt.line {
			t.Errorf("%s: %+v, %v", tt.name, r, ok)
		}
	}
	p := b.Build()
	first, _ := p.Layer("one")
	second, _ := p.Layer("two")
	if p.CheckLayer(first, s, o, Write).Allowed || !p.CheckLayer(second, s, o, Execute).Allowed || !p.Check(s, o, Read).Allowed {
		t.Error("compiled lists are mixed up")
	}
}
