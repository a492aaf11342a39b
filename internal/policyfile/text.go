package policyfile

import (
	"path/filepath"
	"slices"

	"labelgate/internal/suggest"
)

// Text is a policy as it was read from its directory, before anybody has looked
// into its files.
type Text struct {
	Dir    string
	Names  []string // of everything in the directory, whether it is read or not
	pieces []piece
}

// piece is a file of a policy, or a problem in the place of one.
type piece struct {
	part     part
	path     string // of the file, "" for a problem of none
	data     []byte
	problems Problems
}

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

// Policy reads the policy in a directory: accesses, cipso, netlabel and ipv6host,
// each a file, or a directory of files with .d behind its name, or both, or none.
// Files of a directory are read in bytewise order of their names. The error is
// that of Disk.List, for the directory itself; what is wrong with its files is
// said by Unread and by Parse.
func (d *Disk) Policy(dir string) (*Text, error) {
	names, err := d.List(dir)
	if err != nil {
		return nil, err
	}
	t := &Text{Dir: dir, Names: names}
	found := false
	for _, p := range parts() {
		if slices.Contains(names, p.name) {
			found = true
			t.file(d, p, filepath.Join(dir, p.name))
		}
		if slices.Contains(names, p.name+".d") {
			found = true
			t.directory(d, p, filepath.Join(dir, p.name+".d"))
		}
	}
	t.misspelt()
	if !found {
		t.problem(Problem{
			File: dir, Code: "empty-policy", Message: "there is no policy in this directory",
			Hint: "labelgate reads accesses.d, cipso.d, netlabel.d and ipv6host.d",
		})
	}
	return t, nil
}

func (t *Text) problem(p ...Problem) { t.pieces = append(t.pieces, piece{problems: p}) }

func (t *Text) directory(d *Disk, p part, path string) {
	names, err := d.List(path)
	if err != nil {
		problem := AsProblem(path, err)
		if problem.Code == "file-kind" {
			problem.Hint = "call the file " + p.name
		}
		t.problem(problem)
		return
	}
	files, skipped := inDirectory(path, names)
	t.problem(skipped...)
	for _, name := range files {
		t.file(d, p, name)
	}
}

func (t *Text) file(d *Disk, p part, path string) {
	data, err := d.Read(path, MaxFile)
	next := piece{part: p, path: path, data: data}
	if err != nil {
		next.problems = Problems{AsProblem(path, err)}
	}
	t.pieces = append(t.pieces, next)
}

// misspelt warns of what is likely to have been meant as part of the policy. A
// policy may have other things beside it.
func (t *Text) misspelt() {
	var known []string
	for _, p := range parts() {
		known = append(known, p.name, p.name+".d")
	}
	for _, name := range t.Names {
		if leftover(name) || slices.Contains(known, name) {
			continue
		}
		if hint := suggest.Hint(name, known); hint != "" {
			t.problem(Problem{File: filepath.Join(t.Dir, name), Code: "misspelt-name", Warning: true, Message: "not read: no part of a policy has this name", Hint: hint})
		}
	}
}

// Unread returns what is wrong with files that could not be read.
func (t *Text) Unread() (problems Problems) {
	for _, p := range t.pieces {
		errors, _ := p.problems.Split()
		problems = append(problems, errors...)
	}
	return problems
}
