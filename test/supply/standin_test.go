package supply

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// standInName is the name under which this program takes the place of labelgated in a
// machine. It is a family of processes as labelgated is one, and tries what the unit
// lets it do and what not; about packets it knows nothing.
const standInName = "labelgated"

// Where the stand-in leaves what it found out.
const (
	reportFile   = "/run/labelgate/report"           // of the first process
	childFile    = "/var/lib/labelgate/child"        // status of the process that it starts
	drainedFile  = "/var/lib/labelgate/drained"      // which of them came to their own end
	signaledFile = "/var/lib/labelgate/signaled"     // and which were told to
	reloadedFile = "/var/log/labelgate/reloaded.log" // SIGHUP arrived
)

// storedName is the name of a descriptor that systemd keeps over a crash.
const storedName = "queue"

func standIn(args []string) int {
	var err error
	switch {
	case len(args) == 0:
		err = fmt.Errorf("no arguments")
	case args[0] == "--close":
		err = guard()
	case args[0] == "auditor":
		err = standInAuditor()
	default:
		err = standInKeeper()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// guard says in the journal what it found out.
func guard() error {
	text, err := json.Marshal(tried(guardMay, guardMayNot))
	if err == nil {
		fmt.Println(string(text))
	}
	return err
}

func standInKeeper() error {
	stored, err := takeBack()
	if err != nil {
		return err
	}
	found := tried(keeperMay, keeperMayNot)
	found.Stored = stored
	text, err := json.Marshal(found)
	if err != nil {
		return err
	}
	if err := os.WriteFile(reportFile, text, 0o600); err != nil {
		return err
	}
	if stored == "" {
		if err := store("packets that wait"); err != nil {
			return err
		}
	}
	child, records, err := startChild()
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	if err := tell("READY=1", nil); err != nil {
		return err
	}
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGTERM {
				records.Close()
				return child.Wait()
			}
			if err := note(reloadedFile); err != nil {
				return err
			}
		case <-time.After(time.Second):
			if err := tell("WATCHDOG=1", nil); err != nil {
				return err
			}
		}
	}
}

// startChild starts a process that has no capability, without asking for the call
// that takes them away: a program that is executed gets those that are ambient.
func startChild() (*exec.Cmd, io.Closer, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	child := exec.Command(program)
	child.Args = []string{standInName, "auditor"}
	child.Stderr = os.Stderr
	records, err := child.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
		if err == nil {
			err = child.Start()
		}
		done <- err
	}()
	return child, records, <-done
}

// standInAuditor writes what it is sent after a while, as on a slow disk.
func standInAuditor() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	if err := os.WriteFile(childFile, status, 0o600); err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		_ = note(signaledFile)
	}()
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	time.Sleep(time.Second)
	return note(drainedFile)
}

// note adds a line with this process's id.
func note(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, os.Getpid())
	return err
}

// tell is sd_notify with a descriptor.
func tell(message string, fd *os.File) error {
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	var rights []byte
	if fd != nil {
		rights = unix.UnixRights(int(fd.Fd()))
	}
	return unix.Sendmsg(s, []byte(message), rights, &unix.SockaddrUnix{Name: os.Getenv("NOTIFY_SOCKET")}, 0)
}

// store gives systemd a descriptor to keep. Not that of a pipe: it would close it when
// the other end is closed.
func store(content string) error {
	fd, err := unix.MemfdCreate(storedName, unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), storedName)
	defer f.Close()
	if _, err := f.WriteAt([]byte(content), 0); err != nil {
		return err
	}
	return tell("FDSTORE=1\nFDNAME="+storedName, f)
}

// takeBack returns what waits in the descriptor that systemd kept, "" if it kept none.
func takeBack() (string, error) {
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n == 0 {
		return "", nil
	}
	if names := os.Getenv("LISTEN_FDNAMES"); names != storedName {
		return "", fmt.Errorf("descriptors %q", names)
	}
	f := os.NewFile(3, storedName)
	defer f.Close()
	text, err := io.ReadAll(f)
	return string(text), err
}

// findings are what a process found out about itself.
type findings struct {
	Status map[string]string // of /proc/self/status
	May    map[string]string // what it is to be able to do, and the error, "" if there was none
	MayNot map[string]string // what it is not
	Stored string            // what systemd had kept
}

func tried(may, mayNot map[string]func() error) findings {
	f := findings{Status: map[string]string{}, May: map[string]string{}, MayNot: map[string]string{}}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		f.May["read its status"] = err.Error()
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		f.Status[key] = strings.Join(strings.Fields(value), " ")
	}
	for name, try := range may {
		f.May[name] = alone(try)
	}
	for name, try := range mayNot {
		f.MayNot[name] = alone(try)
	}
	return f
}

// alone runs what could change a thread on one of its own.
func alone(try func() error) string {
	said := make(chan string)
	go func() {
		runtime.LockOSThread() // never unlocked
		if err := try(); err != nil {
			said <- err.Error()
			return
		}
		said <- ""
	}()
	return <-said
}

// inDirectory tries all that an auditor does with its files.
func inDirectory(dir string) func() error {
	return func() error {
		name := filepath.Join(dir, "try")
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		defer os.Remove(name + ".1")
		if _, err := f.WriteString("record\n"); err != nil {
			return err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			return err
		}
		if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, 4096); err != nil {
			return err
		}
		var fs unix.Statfs_t
		if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
			return err
		}
		for _, step := range []func() error{f.Sync, func() error { return f.Truncate(3) }, func() error { return os.Rename(name, name+".1") }} {
			if err := step(); err != nil {
				return err
			}
		}
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		defer d.Close()
		return d.Sync()
	}
}
