package engine

import (
	"fmt"
	"slices"
)

// Builder collects labels and rules. It belongs to one goroutine, must not be
// copied, and Build ends its use. Its own rules, those of the embedded
// LayerBuilder, are the global ones; Layer adds restrictions.
type Builder struct {
	LayerBuilder // the global rules

	names    []string
	index    map[string]Label // nil after Build
	files    []string
	fileID   map[string]FileID
	rules    []rule
	previous []int32         // by live rule: index plus 1 of the one before of the same subject and list, 0 is none
	layers   []*LayerBuilder // by LayerID, [0] is the Builder's own

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
// is that of CheckLabel, or says that there are too many labels; nothing is added
// then.
func (b *Builder) Intern(name string) (Label, error) {
	if l, ok := b.index[name]; ok {
		return l, nil
	}
	if err := CheckLabel(name); err != nil {
		return Unknown, err
	}
	if len(b.names) == maxLabels {
		return Unknown, &LabelError{Label: name, Why: fmt.Sprintf("there are %d labels, and no policy can have more", maxLabels)}
	}
	l := Label(len(b.names))
	b.index[name] = l
	b.names = append(b.names, name)
	return l, nil
}

// InternBytes is Intern for a byte slice, of which it keeps nothing.
func (b *Builder) InternBytes(name []byte) (Label, error) {
	if l, ok := b.index[string(name)]; ok {
		return l, nil
	}
	return b.Intern(string(name))
}

// Labels returns how many labels there are so far, engine.Unknown and the reserved
// ones included.
func (b *Builder) Labels() int { return len(b.names) }

// Name returns the name of a label.
func (b *Builder) Name(l Label) string { return b.names[l] }

// must panics for a label that Intern did not give out, and after Build, when the
// rules belong to a Policy that others read.
func (b *Builder) must(l Label) {
	if b.index == nil || l == Unknown || int(l) >= len(b.names) {
		panic(fmt.Sprintf("engine: label %d is none of this Builder's", l))
	}
}

// What a stored rule, or the number of one, can tell apart.
const (
	maxRules  = 1<<31 - 1
	maxFiles  = 1 << 16
	maxLayers = 1 << 8
)

// File returns the number of a file's name for the origins of rules. All names
// after the 65535th share one number and one name that says so: a policy in that
// many files loses the place of some rules rather than the rules.
func (b *Builder) File(name string) FileID {
	if id, ok := b.fileID[name]; ok {
		return id
	}
	id := len(b.files)
	switch {
	case id == maxFiles:
		return maxFiles - 1
	case id == maxFiles-1:
		name = fmt.Sprintf("(a file after the %dth)", maxFiles-1)
	}
	b.files = append(b.files, name)
	b.fileID[name] = FileID(id)
	return FileID(id)
}

// Bits of the logging setting. (Smack documentation, "Smack auditing".)
const (
	LogDenied  = 1
	LogAllowed = 2
)

// SetLogging chooses which decisions have Decision.Log set: 0 none, 1 denied,
// 2 allowed, 3 both. (Smack documentation, "Smack auditing".)
func (b *Builder) SetLogging(n int) error {
	if n < 0 || n > LogDenied|LogAllowed {
		return fmt.Errorf("logging is 0 (nothing), 1 (denied), 2 (allowed) or 3 (both), not %d", n)
	}
	b.logging = n
	return nil
}

// EnableBringup makes the use of a rule with mode b set Decision.Report, and the
// unconfined label effective, as a kernel built with
// CONFIG_SECURITY_SMACK_BRINGUP does. Without it mode b is stored and means
// nothing.
func (b *Builder) EnableBringup() { b.bringup = true }

// SetUnconfined names a label that is denied nothing, as subject and as object,
// while every such use is reported. It needs EnableBringup. Unknown is none.
// (Smack documentation, "unconfined", which warns of it.)
func (b *Builder) SetUnconfined(l Label) { b.unconfined = l }

// Layer returns the restrict-only layer of that name, a new one when there is
// none: a list that is consulted only after the global rules allowed, and that
// can only deny, as a task's own rules do. It panics when there are more than
// 255 layers. (Smack documentation, "load-self2".)
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

// Build compiles what was collected. The Builder must not be used afterwards: it
// panics when anything is added to it.
func (b *Builder) Build() *Policy {
	if b.index == nil {
		panic("engine: Build was called before")
	}
	if cap(b.rules)-len(b.rules) > len(b.rules)/8 {
		b.rules = slices.Clone(b.rules)
	}
	p := &Policy{
		names: b.names, index: b.index, files: b.files, rules: b.rules,
		matrix:  newMatrix(b.rules, len(b.names)),
		logging: b.logging, bringup: b.bringup, unconfined: b.unconfined,
	}
	for _, l := range b.layers {
		p.layers = append(p.layers, layer{name: l.name, count: l.pairs.used, table: newTable(b.rules, l.id, len(b.names))})
		l.pairs, l.last = pairs{}, nil
	}
	b.index, b.fileID, b.files, b.rules, b.previous = nil, nil, nil, nil, nil
	return p
}
