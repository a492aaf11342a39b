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
// task's own, unless the directory transmutes and a rule of the task for it has
// mode t. inherited says that it is the directory's; a new directory then
// transmutes as well. (Smack documentation, SMACK64TRANSMUTE and "Applying Access
// Rules".)
//
// Only a written rule counts: to be @, or to have the same label, brings no t.
func (p *Policy) NewObject(task Label, d Directory) (l Label, inherited bool) {
	if d.Transmuting && p.has(task) && p.has(d.Label) {
		if i, a := p.find(task, d.Label); i >= 0 && a&Transmute != 0 {
			return d.Label, true
		}
	}
	return task, false
}

// MmapContained reports whether a task may map a library whose attribute
// SMACK64MMAP names a label: every access that a rule grants the task's label
// must be granted to the library's label by a rule too, so that nobody runs code
// with more rights than it was trusted with. missing is the first rule of the task
// for which that fails, NoRule when none does.
//
// This is what the kernel tests; the words of the Smack documentation
// (SMACK64MMAP) can be read the other way round. Only written rules count, the
// library's label may do everything to itself, and a label that the policy does
// not know is refused in both roles, with NoRule.
func (p *Policy) MmapContained(task, library Label) (contained bool, missing RuleID) {
	missing = NoRule
	if !p.has(task) || !p.has(library) || task == library {
		return p.has(task) && task == library, missing
	}
	for _, e := range p.layers[global].table.of(task) {
		object, want := Label(e.object>>accessBits), Access(e.object&uint32(allModes))
		if e.rule == 0 || object == library {
			continue
		}
		_, held := p.find(library, object)
		if id := RuleID(e.rule - 1); want&^held.Effective() != 0 && (missing == NoRule || id < missing) {
			missing = id
		}
	}
	return missing == NoRule, missing
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
// attaching needs r and w, looking r. (Smack documentation, "ptrace", policy 0.)
func (p *Policy) CheckTrace(tracer, traced Label, t Tracing) Decision {
	if t == TraceAttach {
		return p.Check(tracer, traced, Read|Write)
	}
	return p.Check(tracer, traced, Read)
}
