package policyfile

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Read reads any file of at most limit bytes, whoever it belongs to. It must be a
// regular file, or a link to one: a pipe or device would hang or never end. The
// error is that of Disk.Read.
func Read(path string, limit int64) ([]byte, error) {
	d := NewDisk(filepath.Dir(path), nil)
	defer d.Close()
	return d.Read(path, limit)
}

// FilesAt lists the files that a path of a policy stands for: itself, or what is
// in a directory, in bytewise order of the names. What editors and package
// managers leave behind is not read, with a warning: an old copy of a file would
// bring back rules that were taken out. The error is that of Disk.Read.
func (d *Disk) FilesAt(path string) ([]string, Problems, error) {
	names, err := d.List(path)
	var not Problems
	if errors.As(err, &not) && not[0].Code == "file-kind" {
		return []string{path}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	files, skipped := inDirectory(path, names)
	return files, skipped, nil
}

func inDirectory(dir string, names []string) (files []string, skipped Problems) {
	for _, name := range names {
		path := filepath.Join(dir, name)
		if leftover(name) {
			skipped = append(skipped, Problem{File: path, Code: "file-skipped", Warning: true, Message: "not read: it looks like a hidden file or a copy"})
			continue
		}
		files = append(files, path)
	}
	return files, skipped
}

// AsProblem is an error of Disk.Read or Disk.List as one problem of that file.
func AsProblem(path string, err error) Problem {
	var found Problems
	if errors.As(err, &found) {
		return found[0]
	}
	var of *fs.PathError
	if errors.As(err, &of) {
		path, err = of.Path, of.Err // the path is said already
	}
	return Problem{File: path, Code: "file", Message: err.Error()}
}

// leftover reports whether a file has one of the names that systemd passes over
// too.
func leftover(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~") {
		return true
	}
	suffix := strings.TrimPrefix(filepath.Ext(name), ".")
	return slices.Contains([]string{"rpmnew", "rpmsave", "rpmorig", "bak", "orig", "old", "new", "swp", "ignore"}, suffix) ||
		strings.HasPrefix(suffix, "dpkg-") || strings.HasPrefix(suffix, "ucf-")
}
