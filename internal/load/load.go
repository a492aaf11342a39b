// Package load reads a settings file and the policy it names, and compiles both
// into a snapshot. The daemon and every verb that needs a whole gateway go
// through it, so that what one of them accepts the others accept too.
package load

import (
	"errors"
	"os"
	"path/filepath"
	"sort"

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
	set, err := policyfile.Load(asWritten(path, cfg, cfg.Policy), cfg.Dialect)
	if err != nil {
		return nil, err
	}
	l := loader{path: path, cfg: cfg, set: set, gateway: &Gateway{Config: cfg, Warnings: set.Warnings}}
	l.gateway.Files = append([]string{path}, set.Files...)
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
	l.zones(&spec)
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	snapshot, err := netlabel.Compile(spec)
	if err != nil {
		return nil, l.compiled(err)
	}
	l.gateway.Snapshot = snapshot
	return l.gateway, nil
}

// asWritten turns an absolute path of the settings back into one that starts
// where the settings' own path starts: people see the names that they typed.
func asWritten(path string, cfg *config.Config, name string) string {
	if filepath.IsAbs(path) || name == "" {
		return name
	}
	relative, err := filepath.Rel(filepath.Dir(cfg.Path), name)
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(path), relative)
}

type loader struct {
	path     string // of the settings, as typed
	cfg      *config.Config
	set      *policyfile.Set
	gateway  *Gateway
	problems policyfile.Problems
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
			if data, ok := l.read(name, d.Line); ok {
				found, problems := policyfile.Mappings(name, data, l.cfg.Dialect)
				l.add(problems)
				out.Mappings = append(out.Mappings, mappings(found)...)
			}
		}
		spec.DOIs = append(spec.DOIs, out)
	}
}

func (l *loader) zones(spec *netlabel.Spec) {
	for _, z := range l.cfg.Zones {
		out := netlabel.ZoneSpec{
			Name: z.Name, Networks: z.Networks, Trust: z.Labels, DOI: z.DOI, Label: z.Label, Only: z.Only,
			LabelAmbient: z.LabelAmbient, Origin: engine.Origin{File: l.path, Line: z.Line},
		}
		if name := asWritten(l.path, l.cfg, z.Restrict); name != "" {
			if data, ok := l.read(name, z.Line); ok {
				out.Layer = name
				l.add(policyfile.Rules(name, data, l.cfg.Dialect, l.set.Rules.Layer(name)))
			}
		}
		spec.Zones = append(spec.Zones, out)
	}
}

// files lists what a path of the settings names: a file, or those of a directory
// in bytewise order of their names.
func (l *loader) files(path string, line int) []string {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		l.problem(line, err.Error())
		return nil
	}
	if !info.IsDir() {
		return []string{path}
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		l.problem(line, err.Error())
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, filepath.Join(path, e.Name()))
	}
	sort.Strings(names)
	return names
}

func (l *loader) read(name string, line int) ([]byte, bool) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		l.problem(line, err.Error())
		return nil, false
	case !info.Mode().IsRegular():
		l.problem(line, name+": not a regular file")
		return nil, false
	}
	data, err := os.ReadFile(name)
	if err != nil {
		l.problem(line, err.Error())
		return nil, false
	}
	l.gateway.Files = append(l.gateway.Files, name)
	return data, true
}

func (l *loader) problem(line int, message string) {
	l.problems = append(l.problems, policyfile.Problem{File: l.path, Line: line, Column: 1, Message: message})
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
		q := policyfile.Problem{File: p.Origin.File, Line: p.Origin.Line, Column: 1, Message: p.Message, Hint: p.Hint}
		if q.File == "" {
			q.File = l.path
		}
		problems = append(problems, q)
	}
	return problems
}
