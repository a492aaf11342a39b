package load

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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

// files lists what a path of the settings names: a file, or those of a directory
// that are read of a policy's own directories too.
func (l *loader) files(path string, line int) []string {
	if path == "" {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		l.unreadable("cipso", path, line, err)
		return nil
	}
	names, problems := policyfile.Files(path)
	l.add(problems)
	return names
}

// read reads a file that the settings name under key, in the table of that line.
func (l *loader) read(name, key string, line int) ([]byte, bool) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		l.unreadable(key, name, line, err)
		return nil, false
	}
	l.gateway.Files = append(l.gateway.Files, name)
	return data, true
}

// unreadable says so where the settings name the file.
func (l *loader) unreadable(key, name string, line int, err error) {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err // the name is said anyway
	}
	l.problems = append(l.problems, l.pictured(policyfile.Problem{
		File: l.path, Line: line, Column: 1, Code: "unreadable", Message: fmt.Sprintf("%s = %q: %v", key, name, err),
	}))
}

// pictured adds the line that a problem is about, if it can still be read.
func (l *loader) pictured(p policyfile.Problem) policyfile.Problem {
	lines, known := l.lines[p.File]
	if !known {
		if l.lines == nil {
			l.lines = make(map[string][][]byte)
		}
		if data, err := os.ReadFile(p.File); err == nil {
			lines = bytes.Split(data, []byte("\n"))
		}
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
