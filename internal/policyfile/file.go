package policyfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Read reads a file of a policy. It must be a regular file, or a link to one, of
// at most MaxFile bytes: a pipe or device would hang or never end.
func Read(path string) ([]byte, Problems) {
	data, err := readFile(path)
	if err != nil {
		return nil, Problems{*err}
	}
	return data, nil
}

func readFile(path string) ([]byte, *Problem) {
	irregular := func(mode fs.FileMode) *Problem {
		hint := "a policy is made of regular files and links to them"
		if mode.IsDir() {
			return &Problem{File: path, Code: "file-kind", Message: "a directory where a file should be", Hint: hint}
		}
		return &Problem{File: path, Code: "file-kind", Message: "not a regular file", Hint: hint}
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, unreadable(path, err)
	case !info.Mode().IsRegular():
		return nil, irregular(info.Mode())
	}
	// It may have become something else by now: not blocking, and asked again.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, unreadable(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, irregular(info.Mode())
	}
	tooLarge := &Problem{File: path, Code: "file-size", Message: fmt.Sprintf("larger than the %d MiB that a file may have", MaxFile>>20)}
	if info.Size() > MaxFile {
		return nil, tooLarge
	}
	data := make([]byte, 0, info.Size()+1) // one more shows that it has grown
	for {
		n, err := file.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, unreadable(path, err)
		case len(data) > MaxFile:
			return nil, tooLarge
		}
		data = slices.Grow(data, 512)
	}
}

func unreadable(path string, err error) *Problem {
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err // the path is said already
	}
	p := &Problem{File: path, Code: "file", Message: err.Error()}
	if errors.Is(err, fs.ErrNotExist) {
		if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			p.Message = "a link to a file that does not exist"
		}
	}
	return p
}

// Files lists the files that a path of a policy stands for: itself, or what is in
// a directory, in bytewise order of the names. What editors and package managers
// leave behind is not read, with a warning: an old copy of a file would bring back
// rules that were taken out.
func Files(path string) ([]string, Problems) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, Problems{*unreadable(path, err)}
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, Problems{*unreadable(path, err)}
	}
	var names []string
	var problems Problems
	for _, e := range entries {
		name := filepath.Join(path, e.Name())
		if leftover(e.Name()) {
			problems = append(problems, Problem{File: name, Code: "file-skipped", Warning: true, Message: "not read: it looks like a hidden file or a copy"})
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, problems
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
