package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrInUse says that somebody answers on the socket already.
var ErrInUse = errors.New("somebody answers there already: another labelgated runs; give each a socket of its own")

// MaxPath is how long the path of a Unix socket may be, in bytes.
const MaxPath = 107

// backlog is how many callers may wait for the Server to take them.
const backlog = 128

// The modes of the directory and of the socket: who is not in the group reaches
// neither.
const (
	dirMode    = 0o750
	socketMode = 0o660
)

// Place is where a socket is to be.
type Place struct {
	Path string // absolute
	GID  int    // group that may reach it, -1 for our own
	Make bool   // make its directory when there is none; not those above it
}

// Listen makes a Unix socket that the kernel names senders on, and returns it
// listening, for a Server here or in another process. A socket that nobody
// answers on any more is replaced. One that somebody does is left alone, as is
// whatever is no socket; the error is ErrInUse or says what is there.
//
// Nobody but us and root may be able to put something else in its place, so
// directories that others may write to are refused, and so are symbolic links on
// the way.
func Listen(p Place) (*os.File, error) {
	f, err := listen(p)
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", p.Path, err)
	}
	return f, nil
}

// Remove removes a socket that Listen made, if nobody answers on it any more:
// close all its descriptors first.
func Remove(path string) error {
	locked, err := lock(filepath.Dir(path))
	if err == nil {
		err = clearAway(path)
		locked.Close()
	}
	if err != nil {
		return fmt.Errorf("socket %s: %w", path, err)
	}
	return nil
}

func listen(p Place) (*os.File, error) {
	if err := CheckPath(p.Path); err != nil {
		return nil, err
	}
	dir := filepath.Dir(p.Path)
	if err := checkAbove(dir); err != nil {
		return nil, err
	}
	if p.Make {
		if err := makeDir(dir, p.GID); err != nil {
			return nil, err
		}
	}
	if err := checkDir(dir, p.GID); err != nil {
		return nil, err
	}
	locked, err := lock(dir)
	if err != nil {
		return nil, err
	}
	defer locked.Close()
	if err := clearAway(p.Path); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := open(fd, p); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), p.Path), nil
}

// CheckPath reports why a path cannot be that of a socket.
func CheckPath(path string) error {
	switch {
	case strings.ContainsRune(path, 0):
		return errors.New("the path contains a zero byte")
	case strings.HasPrefix(path, "@"):
		return errors.New("abstract sockets belong to nobody, and anybody reaches them; give a path")
	case !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/":
		return errors.New("give an absolute path, with no dots for directories in it")
	case len(path) > MaxPath:
		return fmt.Errorf("the path has %d bytes, a socket's has at most %d", len(path), MaxPath)
	}
	return nil
}

// clearAway removes a socket on which nobody answers. The directory is locked, so
// that two of us do not take each other's new socket for an old one.
func clearAway(path string) error {
	var s unix.Stat_t
	switch err := unix.Lstat(path, &s); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case s.Mode&unix.S_IFMT != unix.S_IFSOCK:
		return errors.New("something that is no socket is there; remove it, or name another path")
	case !trusted(s.Uid):
		return fmt.Errorf("a socket of user %d is there; remove it, or name another path", s.Uid)
	}
	alive, err := answers(path)
	switch {
	case err != nil:
		return fmt.Errorf("the socket that is there: %w", err)
	case alive:
		return ErrInUse
	}
	if err := unix.Unlink(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// answers reports whether somebody listens on a socket, be it that he is busy or
// stopped.
func answers(path string) (bool, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	switch err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err == nil, errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EPROTOTYPE):
		return true, nil
	default:
		return false, err
	}
}

// open binds and listens. Between the two nobody can connect, whatever the mode is
// that the socket is born with.
func open(fd int, p Place) error {
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: p.Path}); err != nil {
		return err
	}
	err := regroup(p.Path, p.GID)
	if err == nil {
		err = unix.Chmod(p.Path, socketMode)
	}
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	}
	if err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		unix.Unlink(p.Path)
	}
	return err
}
