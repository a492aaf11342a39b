package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// roles are what this program does when a test starts it.
var roles = map[string]func(args []string) int{
	"hold":  func([]string) int { io.Copy(io.Discard, Inherited(0, "hold")); return 0 },
	"sleep": func([]string) int { time.Sleep(time.Hour); return 0 },
	"code":  func(args []string) int { n, _ := strconv.Atoi(args[0]); return n },
	"tell":  tell,
	"keep":  keep,
	"next":  next,
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[0] == "labelgated" {
		role := roles[os.Args[1]]
		os.Exit(Main(func() int { return role(os.Args[2:]) }))
	}
	if os.Getenv("GIVEN") == "" {
		if err := Disinherit(); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// tell writes what it has to its first descriptor.
func tell([]string) int {
	w := Inherited(0, "tell")
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		// What the Go runtime opens for itself is nobody's gift.
		if err == nil && !strings.Contains(to, "anon_inode") && !strings.HasPrefix(to, "/proc/") && !strings.HasPrefix(to, "/sys/fs/cgroup/") {
			fmt.Fprintln(w, "fd", e.Name())
		}
	}
	for _, v := range os.Environ() {
		fmt.Fprintln(w, "env", v)
	}
	group, _ := unix.Getpgid(0)
	fmt.Fprintln(w, "group", group == os.Getpid())
	fmt.Fprintln(w, "signal", DeathSignal())
	return 0
}

// keep starts two, says which, and waits for its end.
func keep([]string) int {
	w := Inherited(0, "tell")
	for _, outlive := range []bool{false, true} {
		c, err := Start(Spec{Program: Self, Role: "hold", Files: []*os.File{Inherited(1, "hold")}, Outlive: outlive})
		if err != nil {
			fmt.Fprintln(w, err)
			return 1
		}
		fmt.Fprintln(w, c.PID())
	}
	w.Close()
	time.Sleep(time.Hour)
	return 0
}

// next starts one and becomes another program, which adopts it.
func next(args []string) int {
	w := Inherited(0, "tell")
	if len(args) > 0 {
		pid, _ := strconv.Atoi(args[0])
		c := Adopt(pid, "sleep")
		fmt.Fprintln(w, c.Alive(), c.PID() == pid)
		fmt.Fprintln(w, c.Wait(time.Millisecond))
		fmt.Fprintln(w, c.Ended())
		stranger := Adopt(1, "init")
		fmt.Fprintln(w, stranger.Ended())
		return 0
	}
	c, err := Start(Spec{Program: Self, Role: "sleep"})
	if err != nil {
		return 1
	}
	unix.FcntlInt(w.Fd(), unix.F_SETFD, 0)
	Replace(func() error {
		return unix.Exec(Self, []string{"labelgated", "next", strconv.Itoa(c.PID())}, os.Environ())
	})
	return 2
}

// pipe returns a pipe; its writing end is for a child.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func start(t *testing.T, s Spec) *Child {
	t.Helper()
	s.Program = Self
	c, err := Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Kill(); <-c.Done() })
	return c
}

// TestEnded: how children end, and what is said of that.
func TestEnded(t *testing.T) {
	for _, test := range []struct {
		name, role string
		arguments  []string
		end        func(*Child)
		want       string
	}{
		{"well", "code", []string{"0"}, func(*Child) {}, "ended with code 0"},
		{"with a code", "code", []string{"7"}, func(*Child) {}, "ended with code 7"},
		{"killed", "sleep", nil, (*Child).Kill, "killed by signal SIGKILL"},
		{"stopped, then killed", "sleep", nil, func(c *Child) { unix.Kill(c.PID(), unix.SIGSTOP); c.Kill() }, "killed by signal SIGKILL"},
		{"out of patience", "sleep", nil, func(c *Child) {
			if err := c.Wait(time.Millisecond); !errors.Is(err, errPatience) {
				t.Errorf("Wait: %v", err)
			}
		}, "killed by signal SIGKILL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, Spec{Role: test.role, Arguments: test.arguments})
			test.end(c)
			if got := c.Ended(); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			if c.Alive() || c.Wait(time.Minute) != nil {
				t.Error("it has ended, and that is not known")
			}
			c.Kill() // does nothing, and to nobody
		})
	}
	c, err := Start(Spec{Program: "/bin/sleep", Role: "1000"}) // without a Go runtime, which has words of its own
	if err != nil {
		t.Fatal(err)
	}
	unix.Kill(c.PID(), unix.SIGSYS)
	if got := c.Ended(); got != "killed by its system call filter" {
		t.Errorf("by a filter: %q", got)
	}
	if _, err := Start(Spec{Program: "/no/such/program", Role: "lost"}); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "lost: ") {
		t.Errorf("a program that is not there: %v", err)
	}
}

// TestGiven: a child has what it was given, and nothing else of its parent's.
func TestGiven(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/secret")
	t.Setenv("LISTEN_FDS", "1")
	t.Setenv("GOMEMLIMIT", "64MiB")
	r, w := pipe(t)
	second, _ := pipe(t)
	start(t, Spec{Role: "tell", Files: []*os.File{w, nil, second}})
	w.Close()
	said, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	want := "fd 0\nfd 1\nfd 2\nfd 3\nfd 5\nenv GOMEMLIMIT=64MiB\ngroup true\nsignal 9\n"
	if string(said) != want {
		t.Errorf("a child has\n%swant\n%s", said, want)
	}
}

// TestDeath: children end with the process that started them, not with its threads,
// but those that may outlive it.
func TestDeath(t *testing.T) {
	r, w := pipe(t)
	held, holder := pipe(t)
	keeper := start(t, Spec{Role: "keep", Files: []*os.File{w, held}})
	w.Close()
	var ends [2]int // of the children, as descriptors that tell of their end
	lines := bufio.NewScanner(r)
	for i := range ends {
		if !lines.Scan() {
			t.Fatal("nothing is said of children")
		}
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(lines.Text())
		}
		if ends[i], err = unix.PidfdOpen(pid, 0); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(ends[i])
	}
	if ended(t, ends[0], 0) || ended(t, ends[1], 0) {
		t.Fatal("children ended before their parent")
	}
	keeper.Kill()
	<-keeper.Done()
	if !ended(t, ends[0], 30_000) {
		t.Error("a child goes on without its parent")
	}
	if ended(t, ends[1], 0) {
		t.Error("one that may outlive its parent did not")
	}
	holder.Close()
	if !ended(t, ends[1], 30_000) {
		t.Error("one that outlived its parent does not see the end of its descriptor")
	}
}

// ended reports whether a process ends within some milliseconds.
func ended(t *testing.T, pidfd, patience int) bool {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, patience)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return n == 1
	}
}

// TestAdopt: a program that takes the place of another in the same process has its
// children, and knows when they end. One that is not its child is none.
func TestAdopt(t *testing.T) {
	r, w := pipe(t)
	c := start(t, Spec{Role: "next", Files: []*os.File{w}})
	w.Close()
	said, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(said), "true true\nsleep did not end in time and was killed\nkilled by signal SIGKILL\nunknown\n"; got != want {
		t.Errorf("said\n%swant\n%s", got, want)
	}
	if got := c.Ended(); got != "ended with code 0" {
		t.Error(got)
	}
}

// TestDisinherit: what this process was given by mistake, as by a shell that had it
// open, is not passed on.
func TestDisinherit(t *testing.T) {
	if len(os.Args) > 1 && slices.Contains(os.Args, "-test.run=^TestDisinherit$") && os.Getenv("GIVEN") != "" {
		if err := Disinherit(); err != nil {
			t.Fatal(err)
		}
		for fd := 3; fd < 5; fd++ {
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("descriptor %d is passed on: %v", fd, err)
			}
		}
		for fd := range 3 {
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC != 0 {
				t.Errorf("descriptor %d is not passed on: %v", fd, err)
			}
		}
		return
	}
	secret, other := pipe(t)
	cmd := exec.Command(Self, "-test.run=^TestDisinherit$")
	cmd.ExtraFiles, cmd.Env = []*os.File{secret, other}, append(os.Environ(), "GIVEN=yes")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
