package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestJudge: it reads its settings and its policy, again after they changed, by
// links and by new names, and nothing else; and it uses the sockets that it has.
func TestJudge(t *testing.T) {
	needRoot(t)
	dir, elsewhere := t.TempDir(), t.TempDir()
	write(t, elsewhere+"/linked", "linked")
	write(t, elsewhere+"/other", "other")
	for _, d := range []string{dir + "/policy", dir + "/policy/accesses.d"} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir+"/settings.toml", "settings")
	write(t, dir+"/policy/accesses.d/10-rules", "first")
	if err := os.Symlink(elsewhere+"/linked", dir+"/policy/linked"); err != nil {
		t.Fatal(err)
	}
	mine, its := pair(t)
	cmd := task{Do: "judge", Args: []string{dir, elsewhere}, Apply: &Profile{Role: Judge, Must: true, Read: []string{dir}}}.command(t)
	cmd.ExtraFiles = []*os.File{its}
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			if got, err := receive(mine); got != "settings first linked" {
				return fmt.Errorf("%q, %w", got, err)
			}
			// As editors do it, and as package managers do.
			if err := os.WriteFile(dir+"/new", []byte("second"), 0o600); err != nil {
				return err
			}
			if err := os.Rename(dir+"/new", dir+"/policy/accesses.d/10-rules"); err != nil {
				return err
			}
			if err := send(mine, "again"); err != nil {
				return err
			}
			if got, err := receive(mine); got != "settings second linked" {
				return fmt.Errorf("%q, %w", got, err)
			}
			return send(mine, "again")
		}()
	}()
	o := finish(t, cmd)
	o.ok(t)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func judgeDeed(t task) (func() error, error) {
	keeper := os.NewFile(3, "keeper")
	route, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(route, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	dir, elsewhere := t.Args[0], t.Args[1]
	return func() error {
		for range 2 {
			if err := send(keeper, policy(dir)); err != nil {
				return err
			}
			if again, err := receive(keeper); again != "again" {
				return fmt.Errorf("%q, %w", again, err)
			}
		}
		if _, err := os.ReadFile(elsewhere + "/other"); !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("a file beside what is linked: %w", err)
		}
		other := Profile{Read: []string{dir, elsewhere}}
		if denied := other.Denied(); len(denied) != 1 || denied[0] != elsewhere {
			return fmt.Errorf("denied: %q", denied)
		}
		return dumpLinks(route)
	}, nil
}

// policy reads what there is in the way that policies are read.
func policy(dir string) string {
	var all []string
	read := func(name string) {
		b, err := os.ReadFile(name)
		if err != nil {
			b = []byte(err.Error())
		}
		all = append(all, string(b))
	}
	read(dir + "/settings.toml")
	_ = filepath.WalkDir(dir+"/policy", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			all = append(all, err.Error())
		} else if !entry.IsDir() {
			read(name)
		}
		return nil
	})
	return strings.Join(all, " ")
}

// dumpLinks asks the kernel for its links, as the judge does when some were lost.
func dumpLinks(fd int) error {
	request := [32]byte{0: 32, 4: unix.RTM_GETLINK, 6: 1, 7: 3} // a request, for all
	if err := unix.Sendto(fd, request[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	b := make([]byte, 64<<10)
	n, _, err := unix.Recvfrom(fd, b, 0)
	if err != nil {
		return err
	}
	if !bytes.Contains(b[:n], []byte("lo\x00")) {
		return errors.New("no link lo")
	}
	return nil
}

func write(tb testing.TB, name, text string) {
	tb.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// pair returns the two ends of a channel between processes.
func pair(tb testing.TB) (mine, its *os.File) {
	tb.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	mine, its = os.NewFile(uintptr(fds[0]), "mine"), os.NewFile(uintptr(fds[1]), "its")
	tb.Cleanup(func() { mine.Close(); its.Close() })
	timeout := unix.NsecToTimeval(patience.Nanoseconds() / 2)
	for _, fd := range fds {
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
			tb.Fatal(err)
		}
	}
	return mine, its
}

func send(f *os.File, text string) error {
	_, err := f.WriteString(text)
	return err
}

func receive(f *os.File) (string, error) {
	b := make([]byte, 4096)
	n, err := f.Read(b)
	return string(b[:max(n, 0)]), err
}

// waits returns a time after which nobody waits any more.
func waits() time.Time { return time.Now().Add(patience / 2) }
