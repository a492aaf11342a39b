package control

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// place returns a directory as Listen wants it.
func place(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestListen(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, dir string) Place
		err     string // "" for none
		is      error
	}{
		{name: "directory is there", prepare: func(t *testing.T, dir string) Place { return Place{Path: dir + "/control", GID: -1} }},
		{name: "directory is made", prepare: func(t *testing.T, dir string) Place { return Place{Path: dir + "/new/control", GID: -1, Make: true} }},
		{name: "directory is not made", is: fs.ErrNotExist, prepare: func(t *testing.T, dir string) Place { return Place{Path: dir + "/new/control", GID: -1} }},
		{name: "two directories are not made", is: fs.ErrNotExist, prepare: func(t *testing.T, dir string) Place {
			return Place{Path: dir + "/new/newer/control", GID: -1, Make: true}
		}},
		{name: "old socket", prepare: func(t *testing.T, dir string) Place {
			stale(t, dir+"/control")
			return Place{Path: dir + "/control", GID: -1}
		}},
		{name: "socket that answers", is: ErrInUse, prepare: func(t *testing.T, dir string) Place {
			f, err := Listen(Place{Path: dir + "/control", GID: -1})
			must(t, err)
			t.Cleanup(func() { f.Close() })
			return Place{Path: dir + "/control", GID: -1}
		}},
		{name: "socket whose callers all wait", is: ErrInUse, prepare: func(t *testing.T, dir string) Place {
			crowded(t, dir+"/control")
			return Place{Path: dir + "/control", GID: -1}
		}},
		{name: "socket of datagrams", is: ErrInUse, prepare: func(t *testing.T, dir string) Place {
			c, err := net.ListenPacket("unixgram", dir+"/control")
			must(t, err)
			t.Cleanup(func() { c.Close() })
			return Place{Path: dir + "/control", GID: -1}
		}},
		{name: "file", err: "is no socket", prepare: func(t *testing.T, dir string) Place {
			must(t, os.WriteFile(dir+"/control", []byte("precious"), 0o600))
			return Place{Path: dir + "/control", GID: -1}
		}},
		{name: "link to an old socket", err: "is no socket", prepare: func(t *testing.T, dir string) Place {
			stale(t, dir+"/other")
			must(t, os.Symlink(dir+"/other", dir+"/control"))
			return Place{Path: dir + "/control", GID: -1}
		}},
		{name: "link to nowhere", err: "is no socket", prepare: func(t *testing.T, dir string) Place {
			must(t, os.Symlink(dir+"/nowhere", dir+"/control"))
			return Place{Path: dir + "/control", GID: -1}
		}},
		{name: "directory in its place", err: "is no socket", prepare: func(t *testing.T, dir string) Place {
			must(t, os.Mkdir(dir+"/control", 0o750))
			return Place{Path: dir + "/control", GID: -1}
		}},
		{name: "open to everybody", err: "has mode 0755: chmod 0750", prepare: func(t *testing.T, dir string) Place {
			must(t, os.Chmod(dir, 0o755))
			return Place{Path: dir + "/control", GID: -1}
		}},
		{name: "group may write", err: "has mode 0770: chmod 0750", prepare: func(t *testing.T, dir string) Place {
			must(t, os.Chmod(dir, 0o770))
			return Place{Path: dir + "/control", GID: -1}
		}},
		{name: "the directory is a link", err: "is a symbolic link to", prepare: func(t *testing.T, dir string) Place {
			must(t, os.Symlink(dir, dir+"-link"))
			return Place{Path: dir + "-link/control", GID: -1}
		}},
		{name: "a link above", err: "is a symbolic link to", prepare: func(t *testing.T, dir string) Place {
			must(t, os.Symlink(filepath.Dir(dir), dir+"-link"))
			return Place{Path: dir + "-link/run/control", GID: -1}
		}},
		{name: "a directory to be made is a link", err: "is a symbolic link to", prepare: func(t *testing.T, dir string) Place {
			must(t, os.Symlink(dir+"/nowhere", dir+"/new"))
			return Place{Path: dir + "/new/control", GID: -1, Make: true}
		}},
		{name: "others may write above", err: "others may write to", prepare: func(t *testing.T, dir string) Place {
			must(t, os.Chmod(filepath.Dir(dir), 0o777))
			return Place{Path: dir + "/control", GID: -1}
		}},
		{name: "a file above", err: "is no directory", prepare: func(t *testing.T, dir string) Place {
			must(t, os.WriteFile(dir+"/file", nil, 0o600))
			return Place{Path: dir + "/file/new/control", GID: -1}
		}},
		{name: "relative", err: "absolute", prepare: func(t *testing.T, dir string) Place { return Place{Path: "control", GID: -1} }},
		{name: "with dots", err: "absolute", prepare: func(t *testing.T, dir string) Place { return Place{Path: dir + "/../run/control", GID: -1} }},
		{name: "abstract", err: "abstract", prepare: func(t *testing.T, dir string) Place { return Place{Path: "@control", GID: -1} }},
		{name: "zero byte", err: "zero byte", prepare: func(t *testing.T, dir string) Place { return Place{Path: dir + "/c\x00x", GID: -1} }},
		{name: "long", err: "at most 107", prepare: func(t *testing.T, dir string) Place {
			return Place{Path: dir + "/" + strings.Repeat("x", 107), GID: -1}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.prepare(t, place(t))
			f, err := Listen(p)
			if tt.err != "" || tt.is != nil {
				if err == nil || !strings.Contains(err.Error(), tt.err) || tt.is != nil && !errors.Is(err, tt.is) {
					t.Fatalf("error %v, want %s %v", err, tt.err, tt.is)
				}
				if !strings.Contains(err.Error(), p.Path) {
					t.Errorf("the error does not name %s: %v", p.Path, err)
				}
				return
			}
			must(t, err)
			defer f.Close()
			checkModes(t, p)
			c, err := net.Dial("unix", p.Path)
			must(t, err)
			c.Close()
		})
	}
	t.Run("what is no socket stays", func(t *testing.T) {
		dir := place(t)
		must(t, os.WriteFile(dir+"/control", []byte("precious"), 0o600))
		Listen(Place{Path: dir + "/control", GID: -1})
		Remove(dir + "/control")
		if b, err := os.ReadFile(dir + "/control"); err != nil || string(b) != "precious" {
			t.Errorf("the file is %q (%v)", b, err)
		}
	})
}

func checkModes(t *testing.T, p Place) {
	t.Helper()
	var s, d unix.Stat_t
	must(t, unix.Lstat(p.Path, &s))
	must(t, unix.Lstat(filepath.Dir(p.Path), &d))
	if s.Mode&0o777 != 0o660 || d.Mode&0o777 != 0o750 {
		t.Errorf("socket has mode %o, its directory %o", s.Mode&0o777, d.Mode&0o777)
	}
	if p.GID >= 0 && (int(s.Gid) != p.GID || int(d.Gid) != p.GID) {
		t.Errorf("socket has group %d, its directory %d, want %d", s.Gid, d.Gid, p.GID)
	}
}

// stale leaves a socket on which nobody answers.
func stale(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	must(t, unix.Listen(fd, 1))
	unix.Close(fd)
}

// crowded makes a socket whose owner takes nobody and whose backlog is full.
func crowded(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	must(t, unix.Listen(fd, 1))
	for range 10 {
		if c, err := net.Dial("unix", path); err == nil {
			t.Cleanup(func() { c.Close() })
		}
	}
}

func TestListenWithGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: gives files to another group")
	}
	const gid = 61234
	dir := place(t)
	for _, path := range []string{dir + "/control", dir + "/new/control"} {
		f, err := Listen(Place{Path: path, GID: gid, Make: true})
		must(t, err)
		f.Close()
		checkModes(t, Place{Path: path, GID: gid})
	}
	must(t, os.Chown(dir, 61235, gid))
	if _, err := Listen(Place{Path: dir + "/other", GID: -1}); err == nil || !strings.Contains(err.Error(), "belongs to user 61235") {
		t.Errorf("in a directory of somebody else: %v", err)
	}
	must(t, os.Chown(dir, 0, gid))
	stale(t, dir+"/foreign")
	must(t, os.Lchown(dir+"/foreign", 61235, gid))
	if _, err := Listen(Place{Path: dir + "/foreign", GID: -1}); err == nil || !strings.Contains(err.Error(), "socket of user 61235") {
		t.Errorf("in the place of somebody else's socket: %v", err)
	}
	must(t, os.Chown(filepath.Dir(dir), 61235, -1))
	if _, err := Listen(Place{Path: dir + "/other", GID: -1}); err == nil || !strings.Contains(err.Error(), "belongs to user 61235") {
		t.Errorf("below a directory of somebody else: %v", err)
	}
	must(t, os.Chown(filepath.Dir(dir), 0, -1))
}

// Of many who want the socket at once, with an old one in its place, one gets it.
func TestListenRace(t *testing.T) {
	for range 20 {
		path := place(t) + "/control"
		stale(t, path)
		var won sync.Map
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				f, err := Listen(Place{Path: path, GID: -1})
				switch {
				case err == nil:
					won.Store(i, f)
				case !errors.Is(err, ErrInUse):
					t.Error(err)
				}
			})
		}
		all.Wait()
		winners := 0
		won.Range(func(_, f any) bool {
			winners++
			defer f.(*os.File).Close()
			c, err := net.Dial("unix", path)
			if err != nil {
				t.Error("the winner cannot be reached:", err)
				return true
			}
			c.Close()
			return true
		})
		if winners != 1 {
			t.Fatalf("%d have the socket", winners)
		}
	}
}

func TestRemove(t *testing.T) {
	path := place(t) + "/control"
	f, err := Listen(Place{Path: path, GID: -1})
	must(t, err)
	if err := Remove(path); !errors.Is(err, ErrInUse) {
		t.Errorf("a socket in use: %v", err)
	}
	f.Close()
	must(t, Remove(path))
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there (%v)", err)
	}
	must(t, Remove(path))
}
