package sandbox

import (
	"fmt"
	"os"
	"strings"
)

// State is what holds of a process.
type State struct {
	// Role is whose filter the process has; zero if it has none of ours, or if it
	// is another process.
	Role Role `json:"role"`
	// UID and GID are its effective user and group.
	UID int `json:"uid"`
	GID int `json:"gid"`
	// Capabilities are names, such as "net_admin", of what is in the permitted set
	// of any thread; Bounding and Ambient of what could be got back.
	Capabilities []string `json:"capabilities"`
	Bounding     []string `json:"bounding"`
	Ambient      []string `json:"ambient"`
	// NoNewPrivileges holds if no execution of a program can give any.
	NoNewPrivileges bool `json:"no_new_privileges"`
	// LandlockABI is the version that was enforced; 0 if none was. No process can be
	// asked for it afterwards: only the State of Apply and Enter has it.
	LandlockABI int `json:"landlock_abi"`
	// Seccomp holds if all threads have a filter; Filters counts those of the one
	// that has fewest.
	Seccomp bool `json:"seccomp"`
	Filters int  `json:"filters"`
	// Violation is what becomes of a process that makes another call than those of
	// its role.
	Violation Violation `json:"violation"`
	// Calls is how many system calls the filter knows; 0 without one of ours.
	Calls int `json:"calls"`
	// Missing says what the kernel cannot do, in sentences. Empty is as it
	// should be.
	Missing []string `json:"missing"`
}

// String returns the state in a line.
func (s State) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "role=%s uid=%d gid=%d capabilities=%s", s.Role, s.UID, s.GID, list(s.Capabilities))
	fmt.Fprintf(&b, " no_new_privileges=%t landlock=%d seccomp=%t filters=%d calls=%d", s.NoNewPrivileges, s.LandlockABI, s.Seccomp, s.Filters, s.Calls)
	if s.Violation != Kill {
		fmt.Fprintf(&b, " violation=%s", s.Violation)
	}
	if len(s.Missing) > 0 {
		fmt.Fprintf(&b, " missing=%q", strings.Join(s.Missing, "; "))
	}
	return b.String()
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ",")
}

// Current returns the state of this process. A process without /proc, such as a
// judge, cannot ask: there Apply's State says it.
func Current() (State, error) {
	s, err := Of(os.Getpid())
	if err != nil {
		return State{}, err
	}
	s.Role, s.Violation = attested()
	if s.Role != 0 {
		s.Calls = (&Profile{Role: s.Role}).calls()
	}
	return s, nil
}

// Of returns the state of a process, as far as the kernel tells others: a keeper
// looks at what it started. Of its threads the least confined counts.
func Of(pid int) (State, error) {
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return State{}, fmt.Errorf("sandbox: process %d: %w", pid, err)
	}
	var all []status
	for _, thread := range threads {
		text, err := os.ReadFile(tasks + "/" + thread.Name() + "/status")
		if err != nil {
			continue // it ended meanwhile
		}
		s, err := parseStatus(text)
		if err != nil {
			return State{}, fmt.Errorf("sandbox: process %d: %w", pid, err)
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return State{}, fmt.Errorf("sandbox: process %d: %w", pid, os.ErrProcessDone)
	}
	return weakest(all).state(), nil
}
