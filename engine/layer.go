package engine

import "slices"

// LayerBuilder collects the rules of one list: a layer of a Builder, or the
// Builder's own. Labels and files are those of the Builder that it came from,
// and like it it belongs to one goroutine until Build.
//
// There is one rule for a subject and an object in a list. (Smack documentation,
// "Setting Access Rules".)
type LayerBuilder struct {
	builder *Builder
	name    string
	id      LayerID
	pairs   pairs
	last    []int32 // by subject: index plus 1 of the newest of its live rules, 0 is none; see Builder.previous
}

// Intern is Builder.Intern: all lists of a Builder share its labels.
func (l *LayerBuilder) Intern(name string) (Label, error) { return l.builder.Intern(name) }

// InternBytes is Builder.InternBytes.
func (l *LayerBuilder) InternBytes(name []byte) (Label, error) { return l.builder.InternBytes(name) }

// File is Builder.File.
func (l *LayerBuilder) File(name string) FileID { return l.builder.File(name) }

// Name is Builder.Name.
func (l *LayerBuilder) Name(label Label) string { return l.builder.Name(label) }

// Set stores a rule in place of the one that this subject and object had: a line
// of three fields. (Smack documentation, "load2".)
//
// Like Change and RevokeSubject it panics for a Label that the Builder did not
// give out, Unknown above all: a rule for nobody is a mistake of the caller.
func (l *LayerBuilder) Set(s, o Label, a Access, f FileID, line int) {
	n := l.entry(s, o)
	l.write(n, a, f, line)
}

// Change stores what the rule of this subject and object granted, and allow, but
// not deny: a line of four fields. Where there was no rule it granted nothing.
// (Smack documentation, "change-rule".)
func (l *LayerBuilder) Change(s, o Label, allow, deny Access, f FileID, line int) {
	n := l.entry(s, o)
	l.write(n, (l.builder.rules[n].access|allow)&^deny, f, line)
}

// RevokeSubject takes every mode out of every rule that the subject has so far.
// The rules stay, empty, and deny. (Smack documentation, "revoke-subject".)
//
// It looks only at the rules that came to grant something since the last time,
// so that no order of lines makes reading them cost more than their number.
func (l *LayerBuilder) RevokeSubject(s Label, f FileID, line int) {
	l.builder.must(s)
	if int(s) >= len(l.last) {
		return
	}
	b := l.builder
	for n := l.last[s]; n > 0; {
		if r := &b.rules[n-1]; r.access != 0 {
			r.access, r.file, r.line = 0, f, uint32(line)
		}
		n, b.previous[n-1] = b.previous[n-1], notLive
	}
	l.last[s] = 0
}

// Lookup returns the rule that this subject and object have so far.
func (l *LayerBuilder) Lookup(s, o Label) (Rule, bool) {
	n := l.pairs.find(s, o)
	if n < 0 {
		return Rule{}, false
	}
	return l.builder.rules[n].export(l.builder.files), true
}

// entry returns the index of the rule of a subject and an object, a new empty one
// where they had none.
func (l *LayerBuilder) entry(s, o Label) int32 {
	b := l.builder
	if n := l.pairs.find(s, o); n >= 0 {
		return n
	}
	b.must(s)
	b.must(o)
	if len(b.rules) == maxRules {
		panic("engine: too many rules")
	}
	n := int32(len(b.rules))
	if n := len(b.rules); n == cap(b.rules) {
		// By itself a large slice grows by a quarter, which copies all rules
		// four times over.
		b.rules = slices.Grow(b.rules, max(64, n))
		b.previous = slices.Grow(b.previous, max(64, n))
	}
	b.rules = append(b.rules, rule{subject: s, object: o, list: l.id})
	b.previous = append(b.previous, notLive)
	l.pairs.add(s, o, n)
	return n
}

// notLive stands in Builder.previous for rules that have granted nothing since
// their subject was last revoked.
const notLive = -1

func (l *LayerBuilder) write(n int32, a Access, f FileID, line int) {
	b := l.builder
	r := &b.rules[n]
	r.access, r.file, r.line = a&allModes, f, uint32(line)
	if r.access == 0 || b.previous[n] != notLive {
		return
	}
	s := int(r.subject)
	if s >= len(l.last) {
		l.last = append(l.last, make([]int32, s+1-len(l.last))...)
	}
	b.previous[n], l.last[s] = l.last[s], n+1
}
