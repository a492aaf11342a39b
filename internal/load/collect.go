package load

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"labelgate/internal/config"
	"labelgate/internal/manifest"
	"labelgate/internal/policyfile"
)

// Bundle is all that a gateway is made of, as it was read: every file and every
// directory at one moment, from owners that are trusted, as the manifest says it.
// Its fields are for handing it from one process to another: who holds it can
// build the same gateway again, whatever has become of the files since.
type Bundle struct {
	Path     string              // of the settings, as they were named
	Absolute string              // the same, from the root on
	Files    []policyfile.File   // that of the settings first
	Listings map[string][]string // names in the directories that were read
	Seal     manifest.Seal
	Deadline time.Time // see Gateway
}

// Collect reads everything that the settings file at path names, and looks into
// nothing but the settings and the manifest. Its error is that of Load.
func (o Options) Collect(path string) (*Bundle, error) {
	c, err := o.open(path)
	if err != nil {
		return nil, err
	}
	if err := c.collect(); err != nil {
		return nil, err
	}
	return &Bundle{Path: path, Absolute: c.cfg.Path, Files: c.disk.Files(), Listings: c.disk.Listings(), Seal: c.seal, Deadline: c.deadline}, nil
}

// Config returns the settings, as they stand in the bundle.
func (b *Bundle) Config() (*config.Config, error) {
	if len(b.Files) == 0 {
		return nil, fmt.Errorf("%s: nothing was read", b.Path)
	}
	return config.Parse(b.Path, b.Files[0].Data)
}

// Compile builds the gateway without reading anything from disk. The error is that
// of Load.
func (b *Bundle) Compile(generation uint32) (*Gateway, error) {
	c := &collection{path: b.Path, absolute: b.Absolute, disk: policyfile.NewMemory(b.Files, b.Listings), seal: b.Seal, deadline: b.Deadline, collected: true}
	return c.gateway(generation)
}

// collection is a gateway while its files are read.
type collection struct {
	options   Options
	path      string // of the settings, as typed
	absolute  string // if it is known
	disk      *policyfile.Disk
	cfg       *config.Config
	seal      manifest.Seal
	deadline  time.Time
	collected bool // before, and not from this disk
	partial   bool // some files could not be read, and the others may be looked into
}

// open begins with the settings file.
func (o Options) open(path string) (*collection, error) {
	c := o.given(path)
	_, err := c.disk.Read(path, config.MaxSize)
	if err == nil {
		return c, nil
	}
	c.disk.Close()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT} // even if it is a directory that is not there
	}
	var found policyfile.Problems
	if errors.As(err, &found) && found[0].Code == "file-kind" {
		return nil, fmt.Errorf("%s: %s", path, found[0].Message)
	}
	return nil, err
}

// given begins with nothing.
func (o Options) given(path string) *collection {
	disk := policyfile.NewDisk(filepath.Dir(path), policyfile.Owners(o.Owners...))
	disk.Untrusted = o.Untrusted
	return &collection{options: o, path: path, disk: disk}
}

func (c *collection) collect() error {
	defer c.disk.Close()
	var err error
	if c.absolute != "" {
		c.cfg, err = config.ParseAt(c.path, c.absolute, c.disk.Known(c.path))
	} else {
		c.cfg, err = config.Parse(c.path, c.disk.Known(c.path))
	}
	if err != nil {
		return err
	}
	if c.collected {
		return nil
	}
	l := loader{path: c.path, cfg: c.cfg, disk: c.disk, gateway: &Gateway{}}
	text := l.readAll()
	if len(l.problems) > 0 {
		c.partial = text == nil || !c.applies(text)
		return l.problems
	}
	if err := c.verify(text); err != nil {
		return err
	}
	if c.seal.Sealed() {
		return nil // a file that changed meanwhile is not what the manifest says
	}
	return c.disk.Changed()
}

// contents describes what was read, but for the manifest and what belongs to it.
func (c *collection) contents() []manifest.File {
	beside := map[string]bool{c.manifest(manifest.Name): true, c.manifest(manifest.SignatureName): true, c.state(): true}
	var all []manifest.File
	for _, f := range c.disk.Files() {
		if !beside[f.Path] {
			all = append(all, manifest.NewFile(c.name(f.Path), f.Data))
		}
	}
	manifest.Sort(all)
	return all
}

// name is a file's name in a manifest: from the directory of the settings on, so
// that a policy may be sealed in one place and used in another, and absolute where
// it lies elsewhere.
func (c *collection) name(path string) string {
	rel, err := filepath.Rel(filepath.Dir(c.path), path)
	switch {
	case err != nil:
		return path
	case filepath.IsLocal(rel):
		return rel
	}
	return filepath.Join(filepath.Dir(c.cfg.Path), rel)
}

// manifest returns the path of a file beside the policy.
func (c *collection) manifest(name string) string {
	return filepath.Join(asWritten(c.path, c.cfg, c.cfg.Policy), name)
}

// state returns the path of the file that remembers the version, "." for none.
func (c *collection) state() string {
	return filepath.Clean(asWritten(c.path, c.cfg, c.cfg.Manifest.State))
}

// readProblem is an error of reading as a problem of that file.
func readProblem(path string, err error) error {
	var found policyfile.Problems
	if errors.As(err, &found) {
		return found
	}
	return policyfile.Problems{policyfile.AsProblem(path, err)}
}
