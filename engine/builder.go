package engine

import "fmt"

// Builder collects labels and rules. It belongs to one goroutine, and Build ends
// its use. Its own rules are the global ones; Layer adds restrictions.
type Builder struct {
	LayerBuilder // the global rules

	names  []string
	index  map[string]Label
	files  []string
	fileID map[string]FileID
	rules  []rule
	layers []*LayerBuilder // by LayerID, [0] is the Builder's own

	logging    int
	bringup    bool
	unconfined Label
}

// NewBuilder returns a Builder that knows the reserved labels, logs what is
// denied, and has no rules.
func NewBuilder() *Builder {
	b := &Builder{index: make(map[string]Label), fileID: make(map[string]FileID), logging: LogDenied}
	b.builder = b
	b.layers = []*LayerBuilder{&b.LayerBuilder}
	for l, name := range reserved {
		b.names = append(b.names, name)
		if name != "" {
			b.index[name] = Label(l)
		}
	}
	return b
}

// Intern returns the label of a name, a new one when it was not known. The error
// is that of CheckLabel; nothing is added then.
func (b *Builder) Intern(name string) (Label, error) {
	if l, ok := b.index[name]; ok {
		return l, nil
	}
	if err := CheckLabel(name); err != nil {
		return Unknown, err
	}
	l := Label(len(b.names))
	b.names = append(b.names, name)
	b.index[name] = l
	return l, nil
}

// InternBytes is Intern for a byte slice, of which it keeps nothing.
func (b *Builder) InternBytes(name []byte) (Label, error) {
	if l, ok := b.index[string(name)]; ok {
		return l, nil
	}
	return b.Intern(string(name))
}

// Name returns the name of a label.
func (b *Builder) Name(l Label) string { return b.names[l] }

// maxFiles and maxLayers are what a stored rule can tell apart.
const (
	maxFiles  = 1 << 16
	maxLayers = 1 << 8
)

// File returns the number of a file's name for the origins of rules. It panics
// when there are more than 65536 files.
func (b *Builder) File(name string) FileID {
	if id, ok := b.fileID[name]; ok {
		return id
	}
	if len(b.files) == maxFiles {
		panic("engine: too many files")
	}
	id := FileID(len(b.files))
	b.files = append(b.files, name)
	b.fileID[name] = id
	return id
}

// Bits of the logging setting, Smack's /sys/fs/smackfs/logging.
const (
	LogDenied  = 1
	LogAllowed = 2
)

// SetLogging chooses which decisions have Decision.Log set: 0 none, 1 denied,
// 2 allowed, 3 both.
func (b *Builder) SetLogging(n int) error {
	if n < 0 || n > LogDenied|LogAllowed {
		return fmt.Errorf("logging is 0 (nothing), 1 (denied), 2 (allowed) or 3 (both), not %d", n)
	}
	b.logging = n
	return nil
}

// EnableBringup makes the use of a rule with mode b set Decision.Report, and the
// unconfined label effective, as a kernel built for bring-up does.
func (b *Builder) EnableBringup() { b.bringup = true }

// SetUnconfined names a label that is denied nothing, as subject and as object,
// while every such use is reported. It needs EnableBringup. Unknown is none.
func (b *Builder) SetUnconfined(l Label) { b.unconfined = l }

// Layer returns the restrict-only layer of that name, a new one when there is
// none: a list that is consulted only after the global rules allowed, and that
// can only deny. It panics when there are more than 255 layers.
func (b *Builder) Layer(name string) *LayerBuilder {
	for _, l := range b.layers[1:] {
		if l.name == name {
			return l
		}
	}
	if len(b.layers) == maxLayers {
		panic("engine: too many layers")
	}
	l := &LayerBuilder{builder: b, name: name, id: LayerID(len(b.layers))}
	b.layers = append(b.layers, l)
	return l
}

// LayerBuilder collects the rules of one layer. Labels and files are those of
// the Builder that it came from.
type LayerBuilder struct {
	builder *Builder
	name    string
	id      LayerID
	table   table
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
// of three fields.
func (l *LayerBuilder) Set(s, o Label, a Access, f FileID, line int) {
	r := l.entry(s, o)
	r.access, r.file, r.line = a, f, uint32(line)
}

// Change stores what the rule of this subject and object granted, and allow, but
// not deny: a line of four fields. Where there was no rule it granted nothing.
func (l *LayerBuilder) Change(s, o Label, allow, deny Access, f FileID, line int) {
	r := l.entry(s, o)
	r.access, r.file, r.line = (r.access|allow)&^deny, f, uint32(line)
}

// RevokeSubject takes every mode out of every rule of a subject. The rules stay,
// empty, and deny.
func (l *LayerBuilder) RevokeSubject(s Label, f FileID, line int) {
	for i := range l.builder.rules {
		if r := &l.builder.rules[i]; r.subject == s && r.layer == l.id && r.access != 0 {
			r.access, r.file, r.line = 0, f, uint32(line)
		}
	}
}

// Lookup returns the rule that this subject and object have so far.
func (l *LayerBuilder) Lookup(s, o Label) (Rule, bool) {
	n := l.table.find(l.builder.rules, s, o)
	if n < 0 {
		return Rule{}, false
	}
	r := &l.builder.rules[n]
	return Rule{Subject: s, Object: o, Access: r.access, Origin: Origin{File: l.builder.files[r.file], Line: int(r.line)}}, true
}

func (l *LayerBuilder) entry(s, o Label) *rule {
	b := l.builder
	if n := l.table.find(b.rules, s, o); n >= 0 {
		return &b.rules[n]
	}
	n := int32(len(b.rules))
	b.rules = append(b.rules, rule{subject: s, object: o, layer: l.id})
	l.table.add(b.rules, n)
	return &b.rules[n]
}
