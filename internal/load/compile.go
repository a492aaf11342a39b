package load

import (
	"errors"
	"fmt"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/internal/config"
	"labelgate/internal/policyfile"
	"labelgate/netlabel"
)

// loader looks into the files that a disk has.
type loader struct {
	path     string // of the settings, as typed
	cfg      *config.Config
	disk     *policyfile.Disk
	gateway  *Gateway
	problems policyfile.Problems
	lines    map[string][][]byte // of files that problems show lines of
}

func (l *loader) load(generation uint32) (*Gateway, error) {
	cfg := l.cfg
	l.gateway = &Gateway{Config: cfg}
	set := l.policy()
	spec := netlabel.Spec{
		Mode: cfg.Mode, Generation: generation, Rules: set.Rules, Hosts: set.Hosts,
		Mappings: mappings(set.Mappings), Ambient: cfg.Ambient, Self: cfg.Self.Label,
		Direct: cfg.Direct, Mapped: cfg.Mapped,
	}
	if err := set.Rules.SetLogging(cfg.Logging); err != nil {
		return nil, err
	}
	if cfg.Bringup {
		set.Rules.EnableBringup()
	}
	l.dois(&spec)
	l.zones(&spec, set.Rules)
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	if err := l.countLabels(set.Rules.Labels()); err != nil {
		return nil, err
	}
	snapshot, err := netlabel.Compile(spec)
	if err != nil {
		return nil, l.compiled(err)
	}
	if err := l.countLabels(snapshot.Policy().Labels()); err != nil {
		return nil, err
	}
	l.gateway.Snapshot = snapshot
	l.gateway.Numbering = numbering(snapshot)
	l.lint(set.Hosts)
	for i, f := range l.disk.Files() {
		if i == 0 {
			f.Path = l.path
		}
		l.gateway.Files = append(l.gateway.Files, f.Path)
	}
	return l.gateway, nil
}

// MaxLabels is how many labels a policy may have. Each has its encodings in every
// domain, so that a file of a few hundred MiB could fill the memory of any machine.
const MaxLabels = 1 << 20

// countLabels refuses a policy with more. The first of n is no label.
func (l *loader) countLabels(n int) error {
	if n-1 <= MaxLabels {
		return nil
	}
	return policyfile.Problems{{
		File: asWritten(l.path, l.cfg, l.cfg.Policy), Code: "too-many",
		Message: fmt.Sprintf("more than the %d labels that a policy may have", MaxLabels),
	}}
}

// policy looks into the policy's directory. When there are problems, its place is
// taken by an empty one, so that those of the other files are found as well.
func (l *loader) policy() *policyfile.Set {
	empty := &policyfile.Set{Rules: engine.NewBuilder()}
	text, err := l.disk.Policy(asWritten(l.path, l.cfg, l.cfg.Policy))
	if err != nil {
		l.problems = append(l.problems, policyfile.AsProblem("", err))
		return empty
	}
	set, err := text.Parse(l.cfg.Dialect)
	var found policyfile.Problems
	if errors.As(err, &found) {
		l.problems = found
		return empty
	}
	l.gateway.Warnings = set.Warnings
	return set
}

func mappings(from []policyfile.Mapping) []netlabel.Mapping {
	to := make([]netlabel.Mapping, len(from))
	for i, m := range from {
		to[i] = netlabel.Mapping{Label: m.Label, Level: m.Level, Categories: m.Categories, Origin: engine.Origin{File: m.File, Line: m.Line}}
	}
	return to
}

func (l *loader) dois(spec *netlabel.Spec) {
	for _, d := range l.cfg.DOIs {
		out := netlabel.DOISpec{
			Number: d.Number, Tags: append([]cipso.TagType(nil), d.Tags...), AcceptNonCanonical: d.AcceptNonCanonical,
			Origin: engine.Origin{File: l.path, Line: d.Line},
		}
		for _, name := range l.files(asWritten(l.path, l.cfg, d.CIPSO), d.Line) {
			if data, ok := l.read(name, "cipso", d.Line); ok {
				found, problems := policyfile.Mappings(name, data, l.cfg.Dialect)
				l.add(problems)
				out.Mappings = append(out.Mappings, mappings(found)...)
			}
		}
		spec.DOIs = append(spec.DOIs, out)
	}
}

func (l *loader) zones(spec *netlabel.Spec, rules *engine.Builder) {
	parsed := make(map[string]bool) // zones may share a file
	for _, z := range l.cfg.Zones {
		out := netlabel.ZoneSpec{
			Name: z.Name, Networks: z.Networks, Trust: z.Labels, DOI: z.DOI, Label: z.Label, Only: z.Only,
			LabelAmbient: z.LabelAmbient, Tunnels: z.Tunnels, Errors: z.ICMPErrors, Origin: engine.Origin{File: l.path, Line: z.Line},
		}
		if name := asWritten(l.path, l.cfg, z.Restrict); name != "" {
			out.Layer = name
			if !parsed[name] {
				parsed[name] = true
				if data, ok := l.read(name, "restrict", z.Line); ok {
					l.add(policyfile.Rules(name, data, l.cfg.Dialect, rules.Layer(name)))
				}
			}
		}
		spec.Zones = append(spec.Zones, out)
	}
}

// add sorts problems into those that only warn and those that refuse the set.
func (l *loader) add(problems policyfile.Problems) {
	for _, p := range problems {
		if p.Warning {
			l.gateway.Warnings = append(l.gateway.Warnings, p)
		} else {
			l.problems = append(l.problems, p)
		}
	}
}

// compiled gives the problems that only the whole policy shows the form of those
// that a single file shows.
func (l *loader) compiled(err error) error {
	var found netlabel.Problems
	if !errors.As(err, &found) {
		return err
	}
	var problems policyfile.Problems
	for _, p := range found {
		q := policyfile.Problem{File: p.Origin.File, Line: p.Origin.Line, Code: "policy", Message: p.Message, Hint: p.Hint}
		if q.File == "" {
			q.File = l.path
		}
		problems = append(problems, l.pictured(q))
	}
	return problems
}
