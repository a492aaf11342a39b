package policyfile

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// directory is one that is open for walking on from it.
type directory struct {
	path string
	fd   int
	stat unix.Stat_t
}

// at opens the directory at path, walking there one name at a time.
func (d *Disk) at(path string) (*directory, error) {
	if dir := d.open[path]; dir != nil {
		return dir, nil
	}
	from, name, flags := unix.AT_FDCWD, path, unix.O_PATH|unix.O_CLOEXEC
	if up := filepath.Dir(path); path != d.root && up != path {
		parent, err := d.at(up)
		if err != nil {
			return nil, err
		}
		from, name = parent.fd, filepath.Base(path)
		if d.owners != nil {
			flags |= unix.O_NOFOLLOW
		}
	}
	dir := &directory{path: path}
	var err error
	if dir.fd, err = openat(from, name, flags); err != nil {
		return nil, refused(path, err)
	}
	d.open[path] = dir // to be closed, whatever it is
	if err := unix.Fstat(dir.fd, &dir.stat); err != nil {
		return nil, refused(path, err)
	}
	if problem := kind(path, &dir.stat, unix.S_IFDIR); problem != nil {
		d.forget(dir)
		return nil, Problems{*problem}
	}
	if d.within(path) {
		if problem := d.trustNames(dir); problem != nil {
			d.forget(dir)
			return nil, Problems{*problem}
		}
	}
	return dir, nil
}

func (d *Disk) forget(dir *directory) {
	delete(d.open, dir.path)
	unix.Close(dir.fd)
}

func (d *Disk) list(path string) ([]string, error) {
	dir, err := d.at(path)
	if err != nil {
		return nil, err
	}
	if problem := d.trust(path, &dir.stat); problem != nil {
		return nil, Problems{*problem}
	}
	fd, err := openat(dir.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if err != nil {
		return nil, refused(path, err)
	}
	defer unix.Close(fd)
	var names []string
	for buffer := make([]byte, 32<<10); ; {
		n, err := again(func() (int, error) { return unix.ReadDirent(fd, buffer) })
		switch {
		case err != nil:
			return nil, refused(path, err)
		case n <= 0:
			slices.Sort(names)
			return names, nil
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names)
		if len(names) > MaxFiles {
			return nil, Problems{{File: path, Code: "too-many", Message: fmt.Sprintf("more than the %d files that a policy may have", MaxFiles)}}
		}
	}
}

// fetch reads a file from its beginning to its end.
func (d *Disk) fetch(path string, limit int64) ([]byte, error) {
	dir, err := d.at(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	fd, stat, err := d.regular(dir, path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	tooLarge := Problems{{File: path, Code: "file-size", Message: "larger than the " + bytesText(limit) + " that it may have"}}
	if stat.Size > limit {
		return nil, tooLarge
	}
	data := make([]byte, 0, stat.Size+1) // one more shows that it has grown
	for {
		n, err := again(func() (int, error) { return unix.Read(fd, data[len(data):cap(data)]) })
		switch {
		case err != nil:
			return nil, refused(path, err)
		case n <= 0:
			return data, nil
		}
		if data = data[:len(data)+n]; int64(len(data)) > limit {
			return nil, tooLarge
		}
		data = slices.Grow(data, 512)
	}
}

// regular opens a file for reading once it is known to be a regular one: to open
// a pipe may wait for ever, and to open a device may do something.
func (d *Disk) regular(dir *directory, path string) (int, *unix.Stat_t, error) {
	name, follow := filepath.Base(path), 0
	if d.owners != nil {
		follow = unix.O_NOFOLLOW
	}
	look, err := openat(dir.fd, name, unix.O_PATH|unix.O_CLOEXEC|follow)
	if err != nil {
		return -1, nil, refused(path, err)
	}
	defer unix.Close(look)
	var seen, stat unix.Stat_t
	if err := unix.Fstat(look, &seen); err != nil {
		return -1, nil, refused(path, err)
	}
	problem := kind(path, &seen, unix.S_IFREG)
	if problem == nil {
		problem = d.trust(path, &seen)
	}
	if problem == nil {
		problem = d.trustNames(dir)
	}
	if problem != nil {
		return -1, nil, Problems{*problem}
	}
	fd, err := openat(dir.fd, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC|follow)
	if err != nil {
		return -1, nil, refused(path, err)
	}
	if err := unix.Fstat(fd, &stat); err != nil {
		unix.Close(fd)
		return -1, nil, refused(path, err)
	}
	// What was looked at and what was opened must be one and the same.
	if stat.Dev != seen.Dev || stat.Ino != seen.Ino || stat.Mode != seen.Mode || stat.Uid != seen.Uid || stat.Gid != seen.Gid {
		unix.Close(fd)
		return -1, nil, changed(path)
	}
	return fd, &stat, nil
}

func openat(fd int, name string, flags int) (int, error) {
	return again(func() (int, error) { return unix.Openat(fd, name, flags, 0) })
}

// again makes a call until no signal interrupts it.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
