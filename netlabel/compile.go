package netlabel

import (
	"fmt"

	"labelgate/cipso"
	"labelgate/engine"
)

// Compile makes a Snapshot. Every name in the spec becomes a label: the label
// set of a policy is exactly what its files name, and no packet adds to it. The
// error is of type Problems and lists everything that is wrong.
func Compile(spec Spec) (*Snapshot, error) {
	c := compiler{spec: &spec, s: &Snapshot{mode: spec.Mode, generation: spec.Generation}}
	if spec.Rules == nil {
		spec.Rules = engine.NewBuilder()
	}
	if spec.Direct == 0 && spec.Mapped == 0 {
		spec.Direct, spec.Mapped = cipso.DirectLevel, cipso.MappedLevel
	}
	c.s.direct, c.s.mapped = spec.Direct, spec.Mapped
	if spec.Direct == spec.Mapped && spec.Mode == Strict { // Linux lets them be
		c.problem(engine.Origin{}, "", "direct and mapped are both level %d: a label's text and its number could not be told apart", spec.Direct)
	}
	c.names()
	c.s.policy = spec.Rules.Build()
	c.compileDOIs()
	c.compileZones()
	c.compileHosts()
	if len(c.problems) != 0 {
		return nil, c.problems
	}
	return c.s, nil
}

type compiler struct {
	spec       *Spec
	s          *Snapshot
	problems   Problems
	collisions map[collision]bool // reported already
}

func (c *compiler) problem(at engine.Origin, hint, format string, args ...any) {
	c.problems = append(c.problems, Problem{Origin: at, Hint: hint, Message: fmt.Sprintf(format, args...)})
}

// names interns every label that the spec names outside its rules. What cannot
// be a label is a problem here, and passed over in silence from then on.
func (c *compiler) names() {
	intern := func(name string, at engine.Origin) engine.Label {
		if name == "" {
			return engine.Unknown
		}
		l, err := c.spec.Rules.Intern(name)
		if err != nil {
			c.problem(at, "", "%v", err)
		}
		return l
	}
	c.s.ambient = engine.Floor
	if c.spec.Ambient != "" {
		c.s.ambient = intern(c.spec.Ambient, engine.Origin{})
	}
	c.s.self = intern(c.spec.Self, engine.Origin{})
	for _, m := range c.spec.Mappings {
		intern(m.Label, m.Origin)
	}
	for _, d := range c.spec.DOIs {
		for _, m := range d.Mappings {
			intern(m.Label, m.Origin)
		}
	}
	for i := range c.spec.Zones {
		z := &c.spec.Zones[i]
		intern(z.Label, z.Origin)
		for _, name := range z.Only {
			intern(name, z.Origin)
		}
	}
	for i := range c.spec.Hosts {
		e := &c.spec.Hosts[i]
		at := engine.Origin{File: e.File, Line: e.Line}
		intern(e.Label, at)
		intern(e.UnlabeledLabel, at)
		intern(e.Replacement, at)
		for _, name := range e.Only {
			intern(name, at)
		}
	}
}

func (c *compiler) label(name string) engine.Label {
	if name == "" {
		return engine.Unknown
	}
	l, _ := c.s.policy.Lookup(name)
	return l
}

func (c *compiler) labels(names []string) labelSet {
	set := make([]engine.Label, len(names))
	for i, name := range names {
		set[i] = c.label(name)
	}
	return newLabelSet(set)
}
