package auditor

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"labelgate/internal/auditor/trail"
)

// place is the directory of the audit file. A file that was closed keeps the name
// with its number behind; the next one has another name until it begins.
type place struct {
	root *os.Root
	dir  *os.File // the same, to sync it
	name string
}

func openPlace(dir, name string) (p place, err error) {
	p.name = name
	if p.root, err = os.OpenRoot(dir); err != nil {
		return p, err
	}
	p.dir, err = p.root.Open(".")
	return p, err
}

func (p *place) close() {
	if p.root != nil {
		p.root.Close()
	}
	if p.dir != nil {
		p.dir.Close()
	}
}

// next is the name of the file that comes after the current one, until it does. It
// begins with a point: patterns like audit.log* are for files of the trail.
func (p *place) next() string { return "." + p.name + ".next" }

// old is the name of a file that was closed.
func (p *place) old(number uint64) string { return trail.FileName(p.name, number) }

// openCurrent opens the current file, creates it where there is none, and locks it.
func (p *place) openCurrent() (*os.File, error) {
	if _, err := p.root.Lstat(p.name); errors.Is(err, fs.ErrNotExist) {
		// A change of files that was ended between two names.
		if info, err := p.root.Lstat(p.next()); err == nil && info.Size() > 0 {
			if err := p.root.Rename(p.next(), p.name); err != nil {
				return nil, err
			}
		}
	}
	for {
		f, err := p.openLocked(p.name)
		if err != nil {
			return nil, err
		}
		// Between opening and locking another auditor may have changed files.
		opened, err1 := f.Stat()
		named, err2 := p.root.Lstat(p.name)
		if err := errors.Join(err1, err2); err != nil {
			f.Close()
			return nil, err
		}
		if os.SameFile(opened, named) {
			return f, nil
		}
		f.Close()
		if named.Mode()&fs.ModeSymlink != 0 {
			return nil, errors.New("it is a symbolic link; name the file itself")
		}
	}
}

// openLocked opens a file for nobody but us.
func (p *place) openLocked(name string) (*os.File, error) {
	f, err := p.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errors.New("not a regular file")
	default:
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == unix.EWOULDBLOCK {
			err = trail.ErrLocked
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// prepareNext opens an empty file under the name of the next one.
func (p *place) prepareNext() (*os.File, error) {
	f, err := p.openLocked(p.next())
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (p *place) removeNext() error { return p.root.Remove(p.next()) }

// advance puts the next file in the place of the current one, which becomes an old
// one. It may be called again when it failed, and by a successor.
func (p *place) advance(number uint64) error {
	old := p.old(number)
	err := p.root.Link(p.name, old)
	if errors.Is(err, fs.ErrExist) {
		err = p.isCurrent(old)
	}
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EMLINK) {
		// A file system without links: for a moment there is no current file.
		err = p.root.Rename(p.name, old)
	}
	if err != nil {
		return err
	}
	if err := p.root.Rename(p.next(), p.name); err != nil {
		return err
	}
	return p.dir.Sync()
}

// isCurrent reports by an error that a name is taken by another file than the
// current one.
func (p *place) isCurrent(name string) error {
	a, err1 := p.root.Lstat(p.name)
	b, err2 := p.root.Lstat(name)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if !os.SameFile(a, b) {
		return fmt.Errorf("%s exists and is another file; move it away", name)
	}
	return nil
}

// numbers lists the numbers of old files.
func (p *place) numbers() ([]uint64, error) {
	// Through the descriptor that is open: there may be none left for another.
	if _, err := p.dir.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	entries, err := p.dir.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	var all []uint64
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), p.name+".")
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil && n > 0 && p.old(n) == e.Name() {
			all = append(all, n)
		}
	}
	return all, nil
}

// newest returns the highest number of an old file, 0 when there is none.
func (p *place) newest() (last uint64, err error) {
	all, err := p.numbers()
	for _, n := range all {
		last = max(last, n)
	}
	return last, err
}
