package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAuditor: it writes, rotates and removes files of its directory, and tells the
// journal; beside its directory it writes nothing.
func TestAuditor(t *testing.T) {
	needRoot(t)
	dir, beside := t.TempDir(), t.TempDir()
	write(t, beside+"/other", "")
	journal := listenDatagrams(t, beside+"/journal")
	task{Do: "auditor", Args: []string{dir, beside}, Apply: &Profile{Role: Auditor, Must: true, Write: []string{dir}}}.inmate(t).ok(t)
	b := make([]byte, 64)
	for _, want := range []string{"to a name", "connected"} {
		if n, err := journal.Read(b); string(b[:n]) != want {
			t.Errorf("journal: %q, %v", b[:n], err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}

func auditorDeed(t task) (func() error, error) {
	dir, beside := t.Args[0], t.Args[1]
	journal, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return func() error {
		return errors.Join(rotate(dir), outsideOf(beside), tellJournal(journal, beside+"/journal"))
	}, nil
}

// rotate does to files what keeping records takes.
func rotate(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range []string{"audit.log", "audit.next"} {
		f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		fd := int(f.Fd())
		if _, err := f.WriteString("record\ntorn"); err != nil {
			return err
		}
		err = errors.Join(unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB), f.Truncate(7), f.Sync(), unix.Fdatasync(fd), f.Chmod(0o640),
			unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, 0, 1<<16))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if b, err := root.ReadFile(name); err != nil || string(b) != "record\n" {
			return fmt.Errorf("%s: %q, %w", name, b, err)
		}
	}
	place, err := root.Open(".")
	if err != nil {
		return err
	}
	defer place.Close()
	if err := errors.Join(root.Link("audit.log", "audit.1"), root.Rename("audit.next", "audit.log"), place.Sync()); err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(dir+"/old", nil, 0o600), os.Rename(dir+"/old", dir+"/older"), os.Remove(dir+"/older")); err != nil {
		return err
	}
	var room unix.Statfs_t
	if err := unix.Statfs(dir, &room); err != nil {
		return err
	}
	_, err = fs.ReadDir(root.FS(), ".")
	return err
}

// outsideOf returns an error if anything is possible in a directory of others.
func outsideOf(beside string) error {
	for what, err := range map[string]error{
		"make":   os.WriteFile(beside+"/new", nil, 0o600),
		"write":  os.WriteFile(beside+"/other", []byte("x"), 0o600),
		"remove": unix.Unlinkat(unix.AT_FDCWD, beside+"/other", 0),
		"rename": os.Rename(beside+"/other", beside+"/another"),
	} {
		if !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("%s beside the directory: %w", what, err)
		}
	}
	return nil
}

func tellJournal(fd int, name string) error {
	to := &unix.SockaddrUnix{Name: name}
	return errors.Join(
		unix.Sendmsg(fd, []byte("to a name"), nil, to, 0),
		unix.Connect(fd, to),
		unix.Sendmsg(fd, []byte("connected"), nil, nil, 0),
	)
}
