// Package load reads a settings file and the policy it names, and compiles both
// into a snapshot. The daemon and every verb that needs a whole gateway go
// through it, so that what one of them accepts the others accept too.
package load

import (
	"errors"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/internal/config"
	"labelgate/internal/policyfile"
	"labelgate/netlabel"
)

// Gateway is everything that a settings file stands for.
type Gateway struct {
	Config   *config.Config
	Snapshot *netlabel.Snapshot
	Warnings policyfile.Problems // what looks wrong but means something
	Files    []string            // every file that was read, the settings first
}

// Load builds a Gateway. Nothing is changed when it fails: its error, a
// policyfile.Problems where files are at fault, names everything wrong at once.
// generation becomes that of the snapshot.
func Load(path string, generation uint32) (*Gateway, error) {
	cfg, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	return build(path, cfg, generation)
}

// Parse is Load with the content of the settings file, which was read already.
func Parse(path string, settings []byte, generation uint32) (*Gateway, error) {
	cfg, err := config.Parse(path, settings)
	if err != nil {
		return nil, err
	}
	return build(path, cfg, generation)
}

func build(path string, cfg *config.Config, generation uint32) (*Gateway, error) {
	l := loader{path: path, cfg: cfg, gateway: &Gateway{Config: cfg, Files: []string{path}}}
	set, err := l.policy()
	if err != nil {
		return nil, err
	}
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
	snapshot, err := netlabel.Compile(spec)
	if err != nil {
		return nil, l.compiled(err)
	}
	l.gateway.Snapshot = snapshot
	l.lint(set.Hosts)
	return l.gateway, nil
}

type loader struct {
	path     string // of the settings, as typed
	cfg      *config.Config
	gateway  *Gateway
	problems policyfile.Problems
	lines    map[string][][]byte // of files that problems show lines of
}

// policy reads the policy's directory. When there are problems, its place is taken
// by an empty one, so that those of the other files are found as well.
func (l *loader) policy() (*policyfile.Set, error) {
	set, err := policyfile.Load(asWritten(l.path, l.cfg, l.cfg.Policy), l.cfg.Dialect)
	if err == nil {
		l.gateway.Warnings = set.Warnings
		l.gateway.Files = append(l.gateway.Files, set.Files...)
		return set, nil
	}
	var found policyfile.Problems
	if !errors.As(err, &found) {
		return nil, err
	}
	l.problems = found
	return &policyfile.Set{Rules: engine.NewBuilder()}, nil
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
