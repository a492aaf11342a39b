package engine

// The questions that Smack asks besides "may S do this to O". Packets never ask
// them; they are here because files and processes share these rules.

// Directory is what the label of a new object in it depends on.
type Directory struct {
	Label Label
	// Transmuting says that the directory passes its label on: the extended
	// attribute SMACK64TRANSMUTE is TRUE.
	Transmuting bool
}

// NewObject returns the label of an object that task creates in a directory: the
// task's own, unless the directory transmutes and a rule of the task for it
// grants t. inherited says that it is the directory's; a new directory then
// transmutes as well. (Smack documentation, "Extended Attributes",
// SMACK64TRANSMUTE.) Only a written rule counts: no decision before the rules
// grants t.
func (p *Policy) NewObject(task Label, d Directory) (l Label, inherited bool) {
	if d.Transmuting && task < Label(len(p.names)) && d.Label < Label(len(p.names)) {
		if i := p.find(task, d.Label); i >= 0 && p.rules[i].access&Transmute != 0 {
			return d.Label, true
		}
	}
	return task, false
}

// MmapContained reports whether task may map a library whose SMACK64MMAP names
// library: every access that a rule grants the task's label must be granted to
// the library's label too, so that code mapped with less than the task's rights
// cannot use them. missing is the first rule of the task for which that fails,
// NoRule when it holds.
func (p *Policy) MmapContained(task, library Label) (contained bool, missing RuleID) {
	if task == library {
		return true, NoRule
	}
	if library >= Label(len(p.names)) {
		library = Unknown
	}
	for _, i := range p.subjects.of(task) {
		r := &p.rules[i]
		if r.object == library || r.access == 0 {
			continue // a label may do everything to itself
		}
		var held Access
		if j := p.find(library, r.object); j >= 0 {
			held = p.rules[j].access.Effective()
		}
		if r.access.Effective()&^held != 0 {
			return false, RuleID(i)
		}
	}
	return true, NoRule
}

// Tracing is what a tracer wants of a process.
type Tracing uint8

const (
	// TraceRead looks into the process, as /proc/PID/mem does.
	TraceRead Tracing = iota
	// TraceAttach controls it.
	TraceAttach
)

// CheckTrace answers whether a tracer may trace a process. The tracer is the
// subject and the traced process the object, whichever of the two asked for it;
// attaching needs r and w, looking r. (Smack documentation, "ptrace".)
func (p *Policy) CheckTrace(tracer, traced Label, t Tracing) Decision {
	if t == TraceAttach {
		return p.Check(tracer, traced, Read|Write)
	}
	return p.Check(tracer, traced, Read)
}
