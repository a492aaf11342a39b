package control

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// makeDir makes the directory of a socket where there is none.
func makeDir(path string, gid int) error {
	err := os.Mkdir(path, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	if err := regroup(path, gid); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.Chmod(path, dirMode)
}

// regroup gives a file to a group, -1 for our own, which it has: a unit may deny the
// call to all of its processes.
func regroup(path string, gid int) error {
	if gid < 0 {
		return nil
	}
	return unix.Lchown(path, -1, gid)
}

// checkDir refuses a directory in which others could put something in the socket's
// place, or which others than its group may enter, and gives it the group, -1 for
// the one that it has.
func checkDir(path string, gid int) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		if linked := noLink(path); linked != nil {
			return linked
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	defer unix.Close(fd)
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	switch mode := s.Mode & 0o777; {
	case !trusted(s.Uid):
		return fmt.Errorf("directory %s belongs to user %d; name one of our own", path, s.Uid)
	case mode&0o027 != 0:
		return fmt.Errorf("directory %s has mode %04o: chmod %04o %s, or name a directory that holds nothing else", path, mode, dirMode, path)
	}
	if gid >= 0 && int(s.Gid) != gid {
		if err := unix.Fchownat(fd, "", -1, gid, unix.AT_EMPTY_PATH); err != nil {
			return fmt.Errorf("directory %s belongs to group %d, not %d: %w", path, s.Gid, gid, err)
		}
	}
	return nil
}

// lock keeps others of us out of a directory until the file is closed. Whoever is
// only in its group cannot open the file, and so cannot keep us out.
func lock(dir string) (*os.File, error) {
	fd, err := unix.Open(filepath.Join(dir, ".lock"), unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s/.lock: %w", dir, err)
	}
	f := os.NewFile(uintptr(fd), dir)
	if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s/.lock: %w", dir, err)
	}
	return f, nil
}

// checkAbove refuses a directory if in one above it others could exchange what is
// below.
func checkAbove(path string) error {
	for path != "/" {
		path = filepath.Dir(path)
		if err := checkOne(path); err != nil {
			return err
		}
	}
	return nil
}

func checkOne(path string) error {
	if err := noLink(path); err != nil {
		return err
	}
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case s.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%s is no directory", path)
	case !trusted(s.Uid) && !outside(s.Uid):
		return fmt.Errorf("%s belongs to user %d, who could exchange what is below; name another path", path, s.Uid)
	case s.Mode&0o022 != 0 && s.Mode&unix.S_ISVTX == 0:
		return fmt.Errorf("others may write to %s and could exchange what is below; name another path", path)
	}
	return nil
}

func noLink(path string) error {
	to, err := os.Readlink(path)
	if err != nil {
		return nil // no link, or not there, which whoever opens it says
	}
	return fmt.Errorf("%s is a symbolic link to %s; write the path without it", path, to)
}

// trusted reports whether what belongs to a user is safe from all others.
func trusted(uid uint32) bool { return uid == 0 || int(uid) == os.Geteuid() }

// outside reports whether a user is one of those that our user namespace does not
// know, as the real root is for a gateway that runs without root.
func outside(uid uint32) bool {
	if uid != Overflow {
		return false
	}
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	for line := range bytes.Lines(b) {
		var first, parent, count uint64
		if _, err := fmt.Sscan(string(line), &first, &parent, &count); err != nil {
			return false
		}
		if Overflow >= first && Overflow < first+count {
			return false // here it is somebody
		}
	}
	return true
}
