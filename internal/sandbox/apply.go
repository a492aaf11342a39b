package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Apply takes from all threads of the process what its profile does not keep, and
// returns what holds then. There is no way back. After an error it may have
// happened in part: the process must end.
//
// Whatever the process needs that its profile denies it has opened before:
// sockets, shared memory, its place in the kernel's tables. A keeper calls Enter
// instead. A program that was built with cgo cannot confine itself; the error then
// matches errors.ErrUnsupported.
func Apply(p Profile) (State, error) {
	if err := p.check(); err != nil {
		return State{}, err
	}
	if p.Role.starts() {
		return State{}, fmt.Errorf("sandbox: %s: Apply is for what a keeper starts", p.Role)
	}
	if err := prepare(); err != nil {
		return State{}, fmt.Errorf("sandbox: %w", err)
	}
	// The file stays readable when /proc is gone.
	self, err := os.Open("/proc/thread-self/status")
	if err != nil {
		return State{}, fmt.Errorf("sandbox: %w", err)
	}
	defer self.Close()
	s, err := p.confine(every, askLandlock(), self)
	if err != nil {
		return s, fmt.Errorf("sandbox: %s: %w", p.Role, err)
	}
	return s, nil
}

// prepare lets the runtime and the standard library open what they open once, on
// first use.
func prepare() error {
	r, w, err := os.Pipe() // the poller
	if err != nil {
		return err
	}
	r.Close()
	w.Close()
	_ = time.Now().Format(time.RFC3339) // the time zone
	return nil
}

// confine does it, from what needs privileges to what could take the right to do
// the rest. self is the status of one of the threads.
func (p *Profile) confine(t threads, l landlock, self *os.File) (State, error) {
	have, err := readStatus(self)
	if err != nil {
		return State{}, err
	}
	keep := p.keeps() & have.permitted
	if err := t.narrow(have, keep); err != nil {
		return State{}, err
	}
	if p.Become != nil {
		if err := t.become(*p.Become); err != nil {
			return State{}, err
		}
	}
	if err := t.drop(have, keep); err != nil {
		return State{}, err
	}
	if err := t.prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return State{}, err
	}
	// Others of the same user cannot trace it then, and its memory, which holds
	// packets, is in no core file.
	if err := this.prctl(unix.PR_SET_DUMPABLE, 0, 0); err != nil {
		return State{}, err
	}
	missing, err := p.files(t, l)
	if err != nil {
		return State{}, err
	}
	more, err := p.seccomp(t)
	if err != nil {
		return State{}, err
	}
	missing = append(missing, more...)
	if p.Must && len(missing) > 0 {
		return State{Missing: missing}, errors.New(strings.Join(missing, "; "))
	}
	now, err := readStatus(self)
	if err != nil {
		return State{}, err
	}
	s := now.state()
	s.Role, s.Violation = attested()
	if s.Role != 0 {
		s.Calls = p.calls()
	}
	s.LandlockABI = min(l.abi, newestABI)
	s.Missing = missing
	return s, nil
}

func readStatus(f *os.File) (status, error) {
	var buffer [8 << 10]byte
	n, err := f.ReadAt(buffer[:], 0)
	if n == 0 {
		return status{}, err
	}
	return parseStatus(buffer[:n])
}
