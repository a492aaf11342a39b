package daemon

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// manager is a service manager's socket.
func manager(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return c
}

// TestStoreFD: the service manager hears of a descriptor and gets it.
func TestStoreFD(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "notify"), "@labelgate-test-" + strconv.Itoa(os.Getpid())} {
		c := manager(t, path)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := storeFD(storedQueue, int(w.Fd())); err != nil {
			t.Fatal(err)
		}
		w.Close()
		b, rights := make([]byte, 1<<10), make([]byte, 1<<10)
		n, m, _, _, err := c.ReadMsgUnix(b, rights)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(b[:n]); got != "FDSTORE=1\nFDNAME=queue" {
			t.Errorf("%s: told %q", path, got)
		}
		messages, err := unix.ParseSocketControlMessage(rights[:m])
		if err != nil || len(messages) != 1 {
			t.Fatalf("%s: %d messages of rights: %v", path, len(messages), err)
		}
		fds, err := unix.ParseUnixRights(&messages[0])
		if err != nil || len(fds) != 1 {
			t.Fatal(fds, err)
		}
		stored := os.NewFile(uintptr(fds[0]), "stored")
		if _, err := stored.WriteString("x"); err != nil {
			t.Error(err)
		}
		stored.Close()
		if n, err := r.Read(b); n != 1 || err != nil {
			t.Errorf("%s: another descriptor was stored: %v", path, err)
		}
		if err := forgetFD(storedQueue); err != nil {
			t.Fatal(err)
		}
		if n, m, _, _, err = c.ReadMsgUnix(b, rights); err != nil || m != 0 || string(b[:n]) != "FDSTOREREMOVE=1\nFDNAME=queue" {
			t.Errorf("%s: told %q with %d bytes of rights: %v", path, b[:n], m, err)
		}
		c.Close()
		if err := storeFD(storedQueue, int(r.Fd())); err == nil {
			t.Errorf("%s: nobody listens, and nothing is said of that", path)
		}
	}
	t.Setenv("NOTIFY_SOCKET", "")
	if err := storeFD(storedQueue, 0); err != nil {
		t.Errorf("without a service manager: %v", err)
	}
}

// TestTakeStored: what the service manager kept is taken when it is for this process,
// and the last of its name. Nothing else stays open, and nobody hears of it again.
func TestTakeStored(t *testing.T) {
	if want := os.Getenv("TAKE"); want != "" {
		takes(t, want)
		return
	}
	const self = "self"
	for _, test := range []struct {
		name, pid, fds, names string
		want                  string // of the descriptors 3, 4, 5
	}{
		{"one", self, "1", "queue", "taken open open"},
		{"none by that name", self, "2", "socket:other", "closed closed open"},
		{"among others", self, "3", "a:queue:b", "closed taken closed"},
		{"twice", self, "3", "queue:queue:b", "closed taken closed"},
		{"without names", self, "2", "", "closed closed open"},
		{"fewer names", self, "3", "queue", "taken closed closed"},
		{"for another process", "1", "3", "queue:queue:queue", "open open open"},
		{"for nobody", "", "3", "queue", "open open open"},
		{"for no number", "x", "3", "queue", "open open open"},
		{"no number of them", self, "x", "queue", "open open open"},
		{"fewer than none", self, "-1", "queue", "open open open"},
		{"none", self, "0", "", "open open open"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var files []*os.File
			for range 3 {
				f, err := os.Open(os.DevNull)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				files = append(files, f)
			}
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestTakeStored$")
			cmd.ExtraFiles = files
			cmd.Env = append(os.Environ(), "TAKE="+test.want, "LISTEN_PID="+test.pid, "LISTEN_FDS="+test.fds, "LISTEN_FDNAMES="+test.names)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}

func takes(t *testing.T, want string) {
	if os.Getenv("LISTEN_PID") == "self" {
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	}
	f := takeStored(storedQueue)
	var got []string
	for fd := 3; fd < 6; fd++ {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		switch {
		case f != nil && int(f.Fd()) == fd:
			got = append(got, "taken")
			if !closedOnExec(t, fd) {
				t.Error("it is handed on to children")
			}
		case err == nil:
			got = append(got, "open")
		default:
			got = append(got, "closed")
		}
	}
	if got := strings.Join(got, " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, v := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if _, ok := os.LookupEnv(v); ok {
			t.Errorf("%s is still there", v)
		}
	}
}
