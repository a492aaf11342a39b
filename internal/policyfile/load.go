package policyfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/internal/suggest"
)

// Set is a whole policy, as it is written.
type Set struct {
	Rules    *engine.Builder
	Mappings []Mapping
	Hosts    []hostmap.Entry
	Files    []string // all that was read, in that order
	Warnings Problems
}

// maxFiles is how many files a policy may have. An engine.Builder can tell a few
// more apart, for the files that the settings name.
const maxFiles = 60000

// part is one of the kinds of files of a policy.
type part struct {
	name string // of a file; a directory has .d behind it
	read func(l *loading, file string, data []byte)
}

func parts() []part {
	return []part{
		{"accesses", func(l *loading, file string, data []byte) {
			rules(l.reporter, &l.pairs, file, data, l.dialect, l.rules)
		}},
		{"cipso", func(l *loading, file string, data []byte) { l.mapped.read(file, data, l.dialect) }},
		{"netlabel", func(l *loading, file string, data []byte) { l.hosts.read(file, data, l.dialect, ipv4Only) }},
		{"ipv6host", func(l *loading, file string, data []byte) { l.hosts.read(file, data, l.dialect, ipv6Only) }},
	}
}

// loading is a set while it is read.
type loading struct {
	*reporter
	dialect Dialect
	rules   *engine.Builder
	pairs   pairs
	mapped  mapped
	hosts   hosts
	read    []string
}

// Load reads the policy in a directory: accesses, cipso, netlabel and ipv6host,
// each a file, or a directory of files with .d behind its name, or both, or none.
// Files of a directory are read in bytewise order of their names. The error is a
// Problems that holds everything wrong with all of them; then there is no set.
func Load(dir string, d Dialect) (*Set, error) {
	r := newReporter()
	l := &loading{reporter: r, dialect: d, rules: engine.NewBuilder(), pairs: pairs{reporter: r}, mapped: mapped{reporter: r}, hosts: hosts{reporter: r}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, Problems{*unreadable(dir, err)}
	}
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		there[e.Name()] = true
	}
	found := false
	for _, p := range parts() {
		if there[p.name] {
			found = true
			l.file(p, filepath.Join(dir, p.name))
		}
		if there[p.name+".d"] {
			found = true
			l.directory(p, filepath.Join(dir, p.name+".d"))
		}
	}
	l.misspelt(dir, entries)
	if !found {
		l.add(Problem{File: dir, Code: "empty-policy", Warning: true, Message: "there is no policy in this directory", Hint: "labelgate reads accesses.d, cipso.d, netlabel.d and ipv6host.d"})
	}
	l.pairs.report()
	errors, warnings := l.sorted().Split()
	if len(errors) > 0 {
		return nil, errors
	}
	return &Set{Rules: l.rules, Mappings: l.mapped.list, Hosts: l.hosts.list, Files: l.read, Warnings: warnings}, nil
}

func (l *loading) directory(p part, path string) {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		l.add(Problem{File: path, Code: "file-kind", Message: "a file where a directory should be", Hint: "call the file " + p.name})
		return
	}
	names, problems := Files(path)
	for _, problem := range problems {
		l.add(problem)
	}
	for _, name := range names {
		l.file(p, name)
	}
}

func (l *loading) file(p part, path string) {
	l.files = append(l.files, path) // what is wrong with it comes in its turn, even if it cannot be read
	data, problem := readFile(path)
	if problem != nil {
		l.add(*problem)
		return
	}
	if len(l.read) == maxFiles {
		l.add(Problem{File: path, Code: "too-many", Message: fmt.Sprintf("more than %d files", maxFiles)})
		return
	}
	l.read = append(l.read, path)
	p.read(l, path, data)
}

// misspelt warns of what is likely to have been meant as part of the policy. A
// policy may have other things beside it.
func (l *loading) misspelt(dir string, entries []os.DirEntry) {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name, p.name+".d")
	}
	for _, e := range entries {
		if leftover(e.Name()) || slices.Contains(names, e.Name()) {
			continue
		}
		if hint := suggest.Hint(e.Name(), names); hint != "" {
			l.add(Problem{File: filepath.Join(dir, e.Name()), Code: "misspelt-name", Warning: true, Message: "not read: no part of a policy has this name", Hint: hint})
		}
	}
}
