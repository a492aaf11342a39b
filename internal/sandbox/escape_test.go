package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"labelgate/test/figures"
)

// How a probe may end.
const (
	killed  = "SIGSYS"
	allowed = "allowed"
	itsWork = "its work" // it is no escape there, and not tried
)

// escape is something that an attacker tries who runs code in a process.
type escape struct {
	name string
	// prepare, if not nil, runs before the process is confined and leaves in w
	// what the probe is about.
	prepare func(w *world) error
	// probe returns nil when it got through.
	probe func(w *world) error
	// free is how it ends in a process of root that nobody confined; allowed if
	// empty.
	free string
	// denied is how it ends otherwise; killed if empty. Some roles have the
	// call, and another wall then.
	denied map[Role]string
}

// world is what a probe finds.
type world struct {
	path string // a file that is in no profile
	dir  string // a directory of the profile
	name string // an abstract socket that the test has
	port int    // a TCP port on which the test listens

	parent    int
	fd, other int
	page      []byte
}

// victim is written by a process that should not be able to.
var victim [8]byte

func syscallError(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// try makes a system call that returns an error number alone.
func try(trap uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	_, _, errno := syscall.RawSyscall6(trap, a[0], a[1], a[2], a[3], a[4], a[5])
	return syscallError(errno)
}

func open(path string, flags int) func(*world) error {
	return func(*world) error {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
}

func socket(domain, kind, protocol int) func(*world) error {
	return func(*world) error {
		fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, protocol)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
}

// everywhere is for a wall that all roles run into alike.
func everywhere(how string) map[Role]string {
	return map[Role]string{Keeper: how, Judge: how, Auditor: how, Control: how}
}

// TestEscapes: none of what an attacker tries gets through, and all of it would
// without the sandbox.
func TestEscapes(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	profiles := []Profile{
		{Role: Judge, Must: true},
		{Role: Auditor, Must: true, Write: []string{dir}},
		{Role: Control, Must: true, Read: []string{dir}},
		{Role: Keeper, Must: true, Read: []string{dir}, Write: []string{dir}, Execute: []string{executable(t)}},
	}
	outside := newOutside(t)
	through, tried := 0, map[Role]int{}
	page := "| | free | judge | auditor | control | keeper |\n|---|---|---|---|---|---|\n"
	for _, e := range escapes {
		t.Run(e.name, func(t *testing.T) {
			row := []string{e.run(t, outside, dir, nil)}
			if want := or(e.free, allowed); row[0] != want {
				t.Errorf("unconfined: %s, want %s", row[0], want)
			}
			for _, p := range profiles {
				want := or(e.denied[p.Role], killed)
				if want == itsWork {
					row = append(row, "*"+want+"*")
					continue
				}
				got := e.run(t, outside, dir, &p)
				row = append(row, got)
				tried[p.Role]++
				if got != want {
					t.Errorf("%s: %s, want %s", p.Role, got, want)
				}
				if got == allowed {
					through++
				}
			}
			page += fmt.Sprintf("| %s | %s |\n", e.name, strings.Join(row, " | "))
		})
	}
	if runtime.GOARCH == "amd64" {
		documented(t, "## Tried", page)
	}
	w, err := figures.Create("../..", "sandbox")
	if err != nil {
		t.Fatal(err)
	}
	w.Add(figures.Figure{ID: "sandbox/escapes/allowed", Value: float64(through), Unit: "probes"}.AtMost(0))
	for _, p := range profiles {
		w.Add(figures.Figure{ID: "sandbox/escapes/denied/" + p.Role.String(), Value: float64(tried[p.Role]), Unit: "probes"})
	}
	for _, r := range []Role{Keeper, Judge, Auditor, Control} {
		f := figures.Figure{ID: "sandbox/calls/" + r.String(), Value: float64((&Profile{Role: r}).calls()), Unit: "system calls"}
		if r == Judge {
			f = f.AtMost(45)
		}
		w.Add(f)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, m := range w.Missed() {
		t.Errorf("%s = %v, want %s", m.ID, m.Value, m.Bar)
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// run lets a process try, confined by p or free, and says how that ended.
func (e *escape) run(t *testing.T, outside *outside, dir string, p *Profile) string {
	t.Helper()
	k := task{Do: "escape", Args: append([]string{e.name}, append(outside.args(t), dir)...)}
	switch {
	case p == nil:
	case p.Role.starts():
		k.Enter = p
	default:
		k.Apply = p
	}
	o := k.inmate(t)
	switch {
	case o.signal == syscall.SIGSYS:
		return killed
	case o.signal != 0:
		return o.signal.String()
	case o.code != 0:
		t.Fatalf("exit code %d\n%s", o.code, o.stderr)
	}
	return or(o.stdout, allowed) // a program executed instead says nothing
}

// attempt is the deed: it prints how the probe ended.
func attempt(t task) (func() error, error) {
	i := slices.IndexFunc(escapes, func(e escape) bool { return e.name == t.Args[0] })
	if i < 0 {
		return nil, fmt.Errorf("no escape %q", t.Args[0])
	}
	e := escapes[i]
	port, err := strconv.Atoi(t.Args[3])
	if err != nil {
		return nil, err
	}
	w := &world{path: t.Args[1], name: t.Args[2], port: port, dir: t.Args[4], parent: os.Getppid()}
	runtime.LockOSThread() // namespaces are a thread's
	if e.prepare != nil && t.Enter == nil {
		if err := e.prepare(w); err != nil {
			return nil, err
		}
	}
	return func() error {
		if e.prepare != nil && t.Enter != nil {
			// A keeper was confined before anything was opened.
			if err := e.prepare(w); err != nil {
				return show(err)
			}
		}
		return show(e.probe(w))
	}, nil
}

func show(err error) error {
	text := allowed
	if err != nil {
		text = unix.ErrnoName(errnoOf(err))
	}
	_, err = os.Stdout.WriteString(text)
	return err
}

func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	errors.As(err, &errno)
	return errno
}

// outside is what the test has that an attacker might reach for.
type outside struct {
	dir  string
	name string
	port string
}

func newOutside(t *testing.T) *outside {
	name := fmt.Sprintf("labelgate-outside-%d", os.Getpid())
	datagrams, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "@" + name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { datagrams.Close() })
	stream, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stream.Close() })
	_, port, _ := net.SplitHostPort(stream.Addr().String())
	return &outside{t.TempDir(), name, port}
}

func (o *outside) args(t *testing.T) []string {
	path := filepath.Join(o.dir, "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{path, o.name, o.port}
}
