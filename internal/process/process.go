// Package process starts the other processes of labelgated: the same program again,
// with a role in place of a command line and with descriptors at fixed places.
package process

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Self is the program that this process runs, also when another lies at its path now.
const Self = "/proc/self/exe"

// First is the descriptor at which a child finds the first of Spec.Files.
const First = 3

// Spec says what to start.
type Spec struct {
	// Program is the path of the program.
	Program string
	// Role is its first argument, and Arguments those that follow.
	Role      string
	Arguments []string
	// Files are the descriptors that the child has besides its standard output and
	// error; nil leaves out a place. The caller closes its own.
	Files []*os.File
	// Outlive lets the child go on when this process ends, as far as its own work
	// goes. Others are killed.
	Outlive bool
}

// Child is a process that was started.
type Child struct {
	Role    string
	Started time.Time
	process *os.Process

	done  chan struct{}
	state *os.ProcessState // valid when done is closed
}

// Start starts a child.
func Start(s Spec) (*Child, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Role, err)
	}
	defer null.Close()
	attributes := &os.ProcAttr{
		Files: append([]*os.File{null, os.Stdout, os.Stderr}, s.Files...),
		Env:   environment(),
		// A signal of the terminal is for the process that was started there: it ends
		// the others in its own order.
		Sys: &syscall.SysProcAttr{Setpgid: true},
	}
	if !s.Outlive {
		attributes.Sys.Pdeathsig = unix.SIGKILL
	}
	c := &Child{Role: s.Role, Started: time.Now(), done: make(chan struct{})}
	onThread(func() {
		c.process, err = os.StartProcess(s.Program, append([]string{"labelgated", s.Role}, s.Arguments...), attributes)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Role, err)
	}
	go c.wait()
	return c, nil
}

// Adopt returns a child of the program that this process ran before.
func Adopt(pid int, role string) *Child {
	c := &Child{Role: role, done: make(chan struct{})}
	c.process, _ = os.FindProcess(pid) // never fails on Unix
	go c.wait()
	return c
}

func (c *Child) wait() {
	c.state, _ = c.process.Wait()
	close(c.done)
}

// environment is what children see of this process's: what the Go runtime looks at.
// The service manager's socket is not theirs.
func environment() []string {
	var keep []string
	for _, name := range []string{"GOMEMLIMIT", "GOGC", "GODEBUG", "GOTRACEBACK", "TZ"} {
		if v, ok := os.LookupEnv(name); ok {
			keep = append(keep, name+"="+v)
		}
	}
	return keep
}

// PID returns the process id, which may be another process's once Done is closed.
func (c *Child) PID() int { return c.process.Pid }

// Done is closed when the child has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Alive reports whether the child has not ended.
func (c *Child) Alive() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// Ended says in words how the child ended, once Done is closed.
func (c *Child) Ended() string {
	<-c.done
	if c.state == nil {
		return "unknown"
	}
	status, ok := c.state.Sys().(syscall.WaitStatus)
	switch {
	case !ok:
		return c.state.String()
	case status.Signaled() && status.Signal() == unix.SIGSYS:
		return "killed by its system call filter"
	case status.Signaled():
		return "killed by signal " + unix.SignalName(status.Signal())
	}
	return fmt.Sprintf("ended with code %d", status.ExitStatus())
}

// Kill ends the child at once, also one that is stopped.
func (c *Child) Kill() { c.process.Kill() }

// errPatience says that a child had to be killed.
var errPatience = errors.New("did not end in time and was killed")

// Wait waits for the child's end for so long, and kills it then.
func (c *Child) Wait(patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.done:
		return nil
	case <-timer.C:
		c.Kill()
		<-c.done
		return fmt.Errorf("%s %w", c.Role, errPatience)
	}
}

// Inherited returns the file that a child was given at a place of Spec.Files.
func Inherited(place int, name string) *os.File {
	fd := First + place
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name)
}
