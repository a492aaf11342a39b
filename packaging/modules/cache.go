package modules

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Cache is where the sources of modules are.
type Cache struct {
	Modules string // go env GOMODCACHE
	Go      string // go env GOROOT, for Std
}

// Licence is all that a module says about who may do what with it.
type Licence struct {
	Names []string // SPDX identifiers: of several, all hold
	Files []File   // by name
}

// File is a text that goes with every copy of a program.
type File struct {
	Name string // within the module
	Text string
}

// texts are the names of files that speak of rights. Notices and patent grants are
// no licences, but go with one.
var texts = regexp.MustCompile(`(?i)^(un)?(licen[cs]es?|copying|copyright|notice|patents)(\.(md|txt|lesser)|[-.][a-z0-9.]+)?$`)

var noLicence = regexp.MustCompile(`(?i)^(notice|patents)`)

// Licence finds the texts of a module, also those of parts of it that somebody else
// wrote, and knows the licences among them. A module without a licence, and a text
// that it does not know, are errors.
func (c Cache) Licence(m Module) (Licence, error) {
	found, err := c.files(m)
	if err != nil {
		return Licence{}, fmt.Errorf("%s %s: %w", m.Path, m.Version, err)
	}
	l := Licence{Files: found}
	for _, f := range found {
		if noLicence.MatchString(path.Base(f.Name)) {
			continue
		}
		name := Identify(f.Text)
		if name == "" {
			return Licence{}, fmt.Errorf("%s %s: %s is a licence that is not known here, or has something added to it; "+
				"read it, and teach packaging/modules to know it if it can be accepted", m.Path, m.Version, f.Name)
		}
		l.Names = append(l.Names, name)
	}
	if len(l.Names) == 0 {
		return Licence{}, fmt.Errorf("%s %s: no file with a licence; without one nobody may distribute it", m.Path, m.Version)
	}
	slices.Sort(l.Names)
	l.Names = slices.Compact(l.Names)
	return l, nil
}

func (c Cache) files(m Module) ([]File, error) {
	if m.Path == Std {
		return read(c.Go, "LICENSE", "PATENTS")
	}
	dir := filepath.Join(c.Modules, filepath.FromSlash(escaped(m.Path))+"@"+escaped(m.Version))
	var names []string
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == "testdata":
			return filepath.SkipDir // is in no binary
		case !e.IsDir() && texts.MatchString(e.Name()) && filepath.Ext(file) != ".go":
			name, err := filepath.Rel(dir, file)
			names = append(names, filepath.ToSlash(name))
			return err
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w; go mod download fetches it", err)
	}
	return read(dir, names...)
}

func read(dir string, names ...string) ([]File, error) {
	var files []File
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		files = append(files, File{Name: name, Text: string(text)})
	}
	return files, nil
}

// escaped is how the module cache spells a path or version: file systems that do
// not tell upper from lower case would mix up two modules.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('!')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
