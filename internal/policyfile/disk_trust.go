package policyfile

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// kind returns what is wrong with something of another kind than the one wanted,
// unix.S_IFREG or unix.S_IFDIR.
func kind(path string, stat *unix.Stat_t, want uint32) *Problem {
	got := stat.Mode & unix.S_IFMT
	p := &Problem{File: path, Code: "file-kind", Hint: "a policy is made of regular files in directories"}
	switch {
	case got == want:
		return nil
	case got == unix.S_IFLNK:
		p.Code, p.Message, p.Hint = "link", "a symbolic link", "links are not followed here: put in its place what it leads to"
	case want == unix.S_IFDIR:
		p.Message = "a file where a directory should be"
	case got == unix.S_IFDIR:
		p.Message = "a directory where a file should be"
	default:
		p.Message = "not a regular file"
	}
	return p
}

// trust returns what is wrong with a file, or a directory, that somebody else
// than its trusted owner can change, unless that is only to be told.
func (d *Disk) trust(path string, stat *unix.Stat_t) *Problem {
	if d.owners == nil {
		return nil
	}
	problem := d.untrusted(path, stat)
	if problem == nil || d.Untrusted == nil {
		return problem
	}
	if !d.told[path] {
		d.told[path] = true
		d.Untrusted(*problem)
	}
	return nil
}

func (d *Disk) untrusted(path string, stat *unix.Stat_t) *Problem {
	switch {
	case !slices.Contains(d.owners, stat.Uid):
		return &Problem{
			File: path, Code: "owner", Message: fmt.Sprintf("owned by user %d, who may change it at any time", stat.Uid),
			Hint: fmt.Sprintf("only files of %s are taken: chown root %s", users(d.owners), path),
		}
	case stat.Mode&unix.S_IWOTH != 0:
		return &Problem{File: path, Code: "mode", Message: "everybody can write it", Hint: "chmod o-w " + path}
	case stat.Mode&unix.S_IWGRP != 0 && !private(stat):
		return &Problem{File: path, Code: "mode", Message: fmt.Sprintf("group %d can write it", stat.Gid), Hint: "chmod g-w " + path}
	}
	return nil
}

// trustNames is trust for a directory of which only files are taken that are known
// by name. Others may add to it, as to /tmp, as long as they cannot exchange what
// is not theirs.
func (d *Disk) trustNames(dir *directory) *Problem {
	stat := dir.stat
	if stat.Mode&unix.S_ISVTX != 0 {
		stat.Mode &^= unix.S_IWGRP | unix.S_IWOTH
	}
	return d.trust(dir.path, &stat)
}

// private reports whether the group of a file is nobody but its owner. Where every
// user has a group of his own it has his number, and his files are often writable
// by it.
func private(stat *unix.Stat_t) bool { return stat.Gid == 0 || stat.Gid == stat.Uid }

func users(owners []uint32) string {
	text := "root"
	for _, o := range owners {
		if o != 0 {
			text += fmt.Sprintf(" and user %d", o)
		}
	}
	return text
}

// bytesText says a size.
func bytesText(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}
