package load

import (
	"bytes"
	"path/filepath"
	"strconv"

	"labelgate/internal/config"
	"labelgate/internal/policyfile"
)

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

// asNamed turns a name of a manifest into such a path.
func asNamed(path, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(path), name)
}

// readAll has the disk read every file that the settings name, and notes what
// cannot be read. It returns nil when there is no policy to be read.
func (l *loader) readAll() *policyfile.Text {
	text, err := l.disk.Policy(asWritten(l.path, l.cfg, l.cfg.Policy))
	if err != nil {
		l.problems = append(l.problems, policyfile.AsProblem("", err))
		text = nil
	} else {
		l.problems = append(l.problems, text.Unread()...)
	}
	for _, d := range l.cfg.DOIs {
		for _, name := range l.files(asWritten(l.path, l.cfg, d.CIPSO), d.Line) {
			l.read(name, "cipso", d.Line)
		}
	}
	for _, z := range l.cfg.Zones {
		if name := asWritten(l.path, l.cfg, z.Restrict); name != "" {
			l.read(name, "restrict", z.Line)
		}
	}
	return text
}

// files lists what a path of the settings names: a file, or those of a directory
// that are read of a policy's own directories too.
func (l *loader) files(path string, line int) []string {
	if path == "" {
		return nil
	}
	names, skipped, err := l.disk.FilesAt(path)
	if err != nil {
		l.unreadable("cipso", path, line, err)
		return nil
	}
	l.add(skipped)
	return names
}

// read reads a file that the settings name under key, in the table of that line.
func (l *loader) read(name, key string, line int) ([]byte, bool) {
	data, err := l.disk.Read(name, policyfile.MaxFile)
	if err != nil {
		l.unreadable(key, name, line, err)
		return nil, false
	}
	return data, true
}

// unreadable says so where the settings name the file.
func (l *loader) unreadable(key, name string, line int, err error) {
	p := policyfile.AsProblem(name, err)
	message := key + " = " + strconv.Quote(name) + ": "
	if p.File != name {
		message += p.File + ": " // a directory on the way
	}
	l.problems = append(l.problems, l.pictured(policyfile.Problem{
		File: l.path, Line: line, Column: 1, Code: "unreadable", Message: message + p.Message, Hint: p.Hint,
	}))
}

// pictured adds the line that a problem is about.
func (l *loader) pictured(p policyfile.Problem) policyfile.Problem {
	lines, known := l.lines[p.File]
	if !known {
		if l.lines == nil {
			l.lines = make(map[string][][]byte)
		}
		lines = bytes.Split(l.disk.Known(p.File), []byte("\n"))
		l.lines[p.File] = lines
	}
	if p.Line < 1 || p.Line > len(lines) {
		return p
	}
	line := bytes.TrimSuffix(lines[p.Line-1], []byte("\r"))
	p.Source = string(line)
	p.Column = 1 + len(line) - len(bytes.TrimLeft(line, " \t"))
	return p
}

// Directories lists the directories from which a gateway with these settings is
// read: for a process that is to read nothing else.
func Directories(cfg *config.Config) []string {
	all := []string{filepath.Dir(cfg.Path), cfg.Policy}
	if cfg.Manifest.State != "" {
		all = append(all, filepath.Dir(cfg.Manifest.State))
	}
	return all
}

// Files lists what is read besides: files that the settings name, of which
// those of a [[doi]] may be directories. An editor puts a new file in the place of
// an old one; a process that may open only what was there before needs their
// directories too.
func Files(cfg *config.Config) []string {
	var all []string
	for _, d := range cfg.DOIs {
		if d.CIPSO != "" {
			all = append(all, d.CIPSO)
		}
	}
	for _, z := range cfg.Zones {
		if z.Restrict != "" {
			all = append(all, z.Restrict)
		}
	}
	return all
}
