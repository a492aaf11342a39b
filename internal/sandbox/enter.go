package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Enter confines a keeper. The first time it confines one thread and lets that
// call execute, which must execute the program again, for instance by Exec: the
// new image is confined in all its threads, and calls Enter as well, which then
// returns what holds. So it is after an upgrade: the new program stays inside what
// the old one entered, and nothing is stacked.
//
// What the keeper opened before stays open, if execute hands it on.
//
// The kernel has the profile of the first time, whatever the later ones say.
func Enter(p Profile, execute func() error) (State, error) {
	if err := p.check(); err != nil {
		return State{}, err
	}
	if !p.Role.starts() {
		return State{}, fmt.Errorf("sandbox: %s: Enter is for a keeper", p.Role)
	}
	if r, _ := attested(); r.starts() {
		return p.inside()
	}
	program, err := os.Executable()
	if err != nil {
		return State{}, fmt.Errorf("sandbox: %w", err)
	}
	p.Execute = append(p.Execute[:len(p.Execute):len(p.Execute)], program)
	if !filters() {
		return p.here()
	}
	failed := make(chan error)
	go func() {
		// Never unlocked: where execute comes back, the thread ends here.
		runtime.LockOSThread()
		failed <- p.enter(execute)
	}()
	return State{}, fmt.Errorf("sandbox: %s: %w", p.Role, <-failed)
}

func (p *Profile) enter(execute func() error) error {
	self, err := os.Open("/proc/thread-self/status")
	if err != nil {
		return err
	}
	defer self.Close()
	if _, err := p.confine(this, askLandlock(), self); err != nil {
		return err
	}
	if err := execute(); err != nil {
		return err
	}
	return errors.New("the program was not executed again")
}

// here is for kernels without filters, where nobody can ask whether he is inside
// already: nothing is executed, and each thread has a Landlock domain of its own. What
// is missing says that signals are not denied.
func (p *Profile) here() (State, error) {
	self, err := os.Open("/proc/thread-self/status")
	if err != nil {
		return State{}, fmt.Errorf("sandbox: %w", err)
	}
	defer self.Close()
	l := askLandlock()
	l.errata = 0
	s, err := p.confine(every, l, self)
	if err != nil {
		return s, fmt.Errorf("sandbox: %s: %w", p.Role, err)
	}
	return s, nil
}

// inside completes what an execution undid, and says what differs from the profile
// by now.
func (p *Profile) inside() (State, error) {
	if err := every.prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0); err != nil {
		return State{}, fmt.Errorf("sandbox: ambient capabilities: %w", err)
	}
	if err := this.prctl(unix.PR_SET_DUMPABLE, 0, 0); err != nil {
		return State{}, fmt.Errorf("sandbox: %w", err)
	}
	s, err := Current()
	if err != nil {
		return State{}, err
	}
	for _, c := range s.Capabilities {
		if !slices.Contains(p.keeps().names(), c) {
			return s, fmt.Errorf("sandbox: %s: capability %s is still there, and may not be given up: let the service begin without it, or let it call capset", p.Role, c)
		}
	}
	// Files come before the filter, so who has the one has the other.
	l := askLandlock()
	s.LandlockABI = min(l.abi, newestABI)
	s.Missing = l.missing(this)
	if !p.current() {
		s.Missing = append(s.Missing, "the filter of system calls is from before an upgrade; a restart puts this program's in its place")
	}
	for _, name := range p.Denied() {
		s.Missing = append(s.Missing, name+" cannot be read since the process was confined; a restart changes that")
	}
	return s, nil
}

// Exec executes a program in place of the calling one, which keeps its capabilities
// and its confinement by that. It returns only if that failed.
func Exec(program string, arguments, environment []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	text, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	s, err := parseStatus(text)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if err := handOn(s.permitted & s.inheritable & set(unix.CAP_NET_ADMIN, unix.CAP_AUDIT_WRITE)); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	err = syscall.Exec(program, arguments, environment)
	_ = this.prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0)
	return fmt.Errorf("sandbox: execute %s: %w", program, err)
}
