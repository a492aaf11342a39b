package modules

import (
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Std is the path of the module that stands for Go's standard library and runtime,
// which every binary contains and no binary names.
const Std = "std"

// Module is one version of a module.
type Module struct {
	Path    string
	Version string // "v1.2.3", of Std Go's own: "1.26.0"
	Sum     string // as in go.sum, "h1:..."; empty for Std
}

// Binary is a program and what was linked into it. Its fields are not to be changed.
type Binary struct {
	Name     string            // "labelgated"
	Settings map[string]string // of the build: "GOARCH", "-trimpath", ...
	SHA256   [sha256.Size]byte // of the file
	Modules  []Module          // Std among them, by path
}

// Read reads a binary that Go built. A module that was replaced by another, or of
// which no sum is known, is an error: nobody could say what it is.
func Read(file string) (*Binary, error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	b := &Binary{Name: path.Base(info.Path), Settings: map[string]string{}, SHA256: sha256.Sum256(content)}
	for _, s := range info.Settings {
		b.Settings[s.Key] = s.Value
	}
	version, ok := strings.CutPrefix(info.GoVersion, "go")
	if !ok || strings.ContainsAny(version, " -+") {
		return nil, fmt.Errorf("%s: built by %q; build it by a released Go", file, info.GoVersion)
	}
	b.Modules = append(b.Modules, Module{Path: Std, Version: version})
	for _, m := range info.Deps {
		if m.Replace != nil {
			return nil, fmt.Errorf("%s: module %s is replaced by %s; remove the replace line of go.mod", file, m.Path, m.Replace.Path)
		}
		if m.Sum == "" {
			return nil, fmt.Errorf("%s: module %s has no sum; build it from the module cache, not from a vendor directory", file, m.Path)
		}
		b.Modules = append(b.Modules, Module{Path: m.Path, Version: m.Version, Sum: m.Sum})
	}
	slices.SortFunc(b.Modules, byPath)
	return b, nil
}

// ReadAll reads several, by name and architecture.
func ReadAll(files []string) ([]*Binary, error) {
	var all []*Binary
	for _, f := range files {
		b, err := Read(filepath.Clean(f))
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *Binary) int { return strings.Compare(a.Ref(), b.Ref()) })
	return all, nil
}

// Ref names a binary among those of a release.
func (b *Binary) Ref() string {
	return b.Name + "-" + b.Settings["GOOS"] + "-" + b.Settings["GOARCH"]
}

// Linked lists what is linked into any of the binaries, by path. The same module in
// two versions is an error: the binaries are not of one release.
func Linked(binaries []*Binary) ([]Module, error) {
	var all []Module
	for _, b := range binaries {
		all = append(all, b.Modules...)
	}
	slices.SortFunc(all, byPath)
	all = slices.Compact(all)
	for i := range len(all) - 1 {
		if all[i].Path == all[i+1].Path {
			return nil, fmt.Errorf("module %s is linked as %s and as %s; build all binaries from one state of the sources",
				all[i].Path, all[i].Version, all[i+1].Version)
		}
	}
	return all, nil
}

func byPath(a, b Module) int {
	if c := strings.Compare(a.Path, b.Path); c != 0 {
		return c
	}
	return strings.Compare(a.Version+a.Sum, b.Version+b.Sum)
}
