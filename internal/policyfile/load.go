package policyfile

import (
	"labelgate/engine"
	"labelgate/hostmap"
)

// Set is a whole policy, as it is written.
type Set struct {
	Rules    *engine.Builder
	Mappings []Mapping
	Hosts    []hostmap.Entry
	Files    []string // all that was read, in that order
	Warnings Problems
}

// loading is a set while it is read.
type loading struct {
	*reporter
	dialect Dialect
	rules   *engine.Builder
	pairs   pairs
	mapped  mapped
	hosts   hosts
	read    []string
}

// Load reads the policy in a directory, whoever it belongs to; see Disk.Policy and
// Text.Parse. The error is a Problems.
func Load(dir string, dialect Dialect) (*Set, error) {
	d := NewDisk(dir, nil)
	defer d.Close()
	text, err := d.Policy(dir)
	if err != nil {
		return nil, Problems{AsProblem(dir, err)}
	}
	return text.Parse(dialect)
}

// Parse makes a set of the text. The error is a Problems that holds everything
// wrong with all of its files; then there is no set.
func (t *Text) Parse(dialect Dialect) (*Set, error) {
	r := newReporter()
	l := &loading{reporter: r, dialect: dialect, rules: engine.NewBuilder(), pairs: pairs{reporter: r}, mapped: mapped{reporter: r}, hosts: hosts{reporter: r}}
	for _, p := range t.pieces {
		if p.path != "" {
			l.files = append(l.files, p.path) // what is wrong with it comes in its turn, even if it cannot be read
		}
		for _, problem := range p.problems {
			l.add(problem)
		}
		if p.path != "" && len(p.problems) == 0 {
			l.read = append(l.read, p.path)
			p.part.read(l, p.path, p.data)
		}
	}
	l.pairs.report()
	errors, warnings := l.sorted().Split()
	if len(errors) > 0 {
		return nil, errors
	}
	return &Set{Rules: l.rules, Mappings: l.mapped.list, Hosts: l.hosts.list, Files: l.read, Warnings: warnings}, nil
}
