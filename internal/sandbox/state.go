package sandbox

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
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

// status is the part of /proc/PID/status that is about privileges.
type status struct {
	uid, gid             int
	permitted, effective capabilities
	inheritable          capabilities
	bounding, ambient    capabilities
	noNewPrivileges      bool
	seccomp              int
	filters              int
}

// weakest returns what can be said of all of them.
func weakest(all []status) status {
	w := all[0]
	for _, s := range all[1:] {
		w.permitted |= s.permitted
		w.effective |= s.effective
		w.inheritable |= s.inheritable
		w.bounding |= s.bounding
		w.ambient |= s.ambient
		w.noNewPrivileges = w.noNewPrivileges && s.noNewPrivileges
		w.seccomp = min(w.seccomp, s.seccomp)
		w.filters = min(w.filters, s.filters)
		w.uid, w.gid = min(w.uid, s.uid), min(w.gid, s.gid)
	}
	return w
}

func (s status) state() State {
	return State{
		UID: s.uid, GID: s.gid,
		Capabilities:    s.permitted.names(),
		Bounding:        s.bounding.names(),
		Ambient:         s.ambient.names(),
		NoNewPrivileges: s.noNewPrivileges,
		Seccomp:         s.seccomp == unix.SECCOMP_MODE_FILTER,
		Filters:         s.filters,
		Missing:         []string{},
	}
}

func parseStatus(text []byte) (status, error) {
	var s status
	found := 0
	for in := bufio.NewScanner(bytes.NewReader(text)); in.Scan(); {
		key, value, _ := strings.Cut(in.Text(), ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		var err error
		number := func(to *int, i int) {
			if i >= len(fields) {
				err = io.ErrUnexpectedEOF
				return
			}
			*to, err = strconv.Atoi(fields[i])
		}
		mask := func(to *capabilities) {
			var n uint64
			n, err = strconv.ParseUint(fields[0], 16, 64)
			*to = capabilities(n)
		}
		found++
		switch key {
		case "Uid":
			number(&s.uid, 1)
		case "Gid":
			number(&s.gid, 1)
		case "CapInh":
			mask(&s.inheritable)
		case "CapPrm":
			mask(&s.permitted)
		case "CapEff":
			mask(&s.effective)
		case "CapBnd":
			mask(&s.bounding)
		case "CapAmb":
			mask(&s.ambient)
		case "NoNewPrivs":
			s.noNewPrivileges = fields[0] == "1"
		case "Seccomp":
			number(&s.seccomp, 0)
		case "Seccomp_filters": // kernels since 5.9
			found--
			number(&s.filters, 0)
		default:
			found--
		}
		if err != nil {
			return s, fmt.Errorf("status: %s: %w", key, err)
		}
	}
	if found != 9 {
		return s, fmt.Errorf("status: %d of 9 lines about privileges", found)
	}
	return s, nil
}
