package policyfile

import (
	"labelgate/engine"
	"labelgate/internal/suggest"
)

// Target takes rules: an *engine.Builder, or one of its layers.
type Target interface {
	File(name string) engine.FileID
	InternBytes(name []byte) (engine.Label, error)
	Set(subject, object engine.Label, access engine.Access, f engine.FileID, line int)
	Change(subject, object engine.Label, allow, deny engine.Access, f engine.FileID, line int)
	RevokeSubject(subject engine.Label, f engine.FileID, line int)
}

// revoke is the word that begins a line which empties all rules of a subject.
const revoke = "revoke-subject"

// Rules reads access rules and puts them into b, in their order. A rule of three
// fields sets, one of four changes ("subject object allow deny"), and
// "revoke-subject S" empties all rules of a subject. When the problems hold an
// error, b holds rules that must not be used: let go of it.
func Rules(file string, data []byte, d Dialect, b Target) Problems {
	r := newReporter()
	p := pairs{reporter: r}
	rules(r, &p, file, data, d, b)
	p.report()
	return r.sorted()
}

// rules reads one file of a set.
func rules(r *reporter, p *pairs, file string, data []byte, d Dialect, b Target) {
	f := r.open(file, data, d)
	if f == nil {
		return
	}
	p.begin(f)
	rr := ruleReader{reader: f, into: b, file: b.File(file), pairs: p}
	for f.scan() {
		if !f.comment(true) {
			rr.rule()
		}
	}
}

// ruleReader reads the rules of one file.
type ruleReader struct {
	*reader
	into  Target
	file  engine.FileID
	pairs *pairs

	subject engine.Label // of the line before, for rules stand in blocks
	name    []byte
}

func (r *ruleReader) rule() {
	var at [5]field
	switch n := r.fields(at[:]); n {
	case 0:
		r.blank()
	case 2:
		if r.revokes(at[0]) {
			r.revoke(at[1])
			return
		}
		fallthrough
	case 1:
		r.short(at[0], n)
	case 3, 4:
		if r.revokes(at[0]) {
			r.fail(at[2].start+1, "fields", "write one line for each subject", "%s is followed by one label", revoke)
			return
		}
		r.complete(at, n)
	default:
		if r.text[at[0].start] == '#' && r.dialect != Labelgate {
			r.noComments(at[0].start)
			return
		}
		r.fail(at[4].start+1, "fields", "write each rule on a line of its own", "a rule has at most four fields: subject, object, access, and access to take away")
	}
}

// revokes reports whether a line begins with the word that is no subject.
func (r *ruleReader) revokes(first field) bool {
	return string(first.of(r.text)) == revoke && (r.dialect == Labelgate || r.dialect == Kernel)
}

// short notes a line of too few fields.
func (r *ruleReader) short(first field, n int) {
	text := string(first.of(r.text))
	hint := "write subject, object and access on one line; the kernel would take what is missing from the next line"
	switch {
	case text[0] == '#':
		r.noComments(first.start)
		return
	case text == revoke && n == 2:
		hint = "the " + r.dialect.String() + " dialect has no " + revoke
	case text == revoke:
		hint = revoke + " is followed by a label"
	case n == 2 && suggest.Nearest(text, []string{revoke}) != "":
		hint = suggest.Hint(text, []string{revoke})
	}
	r.fail(len(r.text)+1, "fields", hint, "a rule has three fields, this line has %d", n)
}

func (r *ruleReader) complete(at [5]field, n int) {
	s, ok := r.subjectOf(at[0])
	if !ok {
		return
	}
	o, ok := r.intern(at[1])
	if !ok {
		return
	}
	access, ok := r.access(at[2])
	if !ok {
		return
	}
	if s == o {
		r.warn(at[0].start+1, "same-label", "leave it out", "a label may do everything to itself: the rule has no effect")
	}
	if n == 3 {
		r.pairs.set(s, o, r.line, r.at)
		r.into.Set(s, o, access, r.file, r.line)
		return
	}
	deny, ok := r.access(at[3])
	if !ok {
		return
	}
	r.pairs.change(s, o, r.line, r.at)
	r.into.Change(s, o, access, deny, r.file, r.line)
}

func (r *ruleReader) revoke(at field) {
	if s, ok := r.intern(at); ok {
		r.pairs.revoke(s)
		r.into.RevokeSubject(s, r.file, r.line)
	}
}

// subjectOf is intern for the first field.
func (r *ruleReader) subjectOf(at field) (engine.Label, bool) {
	name := at.of(r.text)
	if len(r.name) > 0 && string(name) == string(r.name) {
		return r.subject, true
	}
	l, ok := r.intern(at)
	if ok {
		r.subject, r.name = l, name
	}
	return l, ok
}

func (r *ruleReader) intern(at field) (engine.Label, bool) {
	l, err := r.into.InternBytes(at.of(r.text))
	if err != nil {
		r.badLabel(at, err)
		return 0, false
	}
	if c := r.text[at.start]; c == '#' || c == ';' {
		return l, r.usual(at)
	}
	return l, true
}
