package gate

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Process is one process of a running labelgated.
type Process struct {
	PID  int
	Role string // its first argument that is a word, "keeper" for the one that was started
}

// Keeper is the role of the process that was started.
const Keeper = "keeper"

// Family returns the processes of a labelgated, the one that was started first. One
// that has ended is not among them.
func (v *Service) Family() []Process {
	all := []Process{{v.PID(), Keeper}}
	for i := 0; i < len(all); i++ {
		for _, pid := range children(all[i].PID) {
			if role := role(pid); role != "" {
				all = append(all, Process{pid, role})
			}
		}
	}
	return all
}

// Role returns the process with a role, 0 when there is none.
func (v *Service) Role(name string) int {
	if v.Ended() != Running {
		return 0
	}
	for _, p := range v.Family() {
		if p.Role == name {
			return p.PID
		}
	}
	return 0
}

func children(pid int) (pids []int) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	for _, task := range tasks {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		for _, f := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(f); err == nil {
				pids = append(pids, n)
			}
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// role reads the arguments of a process; "" when it has ended or shows none.
func role(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	for i, arg := range strings.Split(strings.TrimRight(string(text), "\x00"), "\x00") {
		if i > 0 && arg != "" && arg[0] != '-' && !strings.Contains(arg, "/") {
			return arg
		}
	}
	return ""
}

// Resident returns the memory in bytes that a process has for itself: what is
// anonymous of its resident set.
func Resident(pid int) (int, error) { return status(pid, "RssAnon:") }

// Data returns the size in bytes of what a process has mapped to write to.
func Data(pid int) (int, error) { return status(pid, "VmData:") }

func status(pid int, field string) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			var kilobytes int
			_, err := fmt.Sscanf(rest, "%d kB", &kilobytes)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no %s", pid, field)
}

// Descriptors returns the highest number of a process's open files, and how many
// there are.
func Descriptors(pid int) (highest, n int, err error) {
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	for _, e := range open {
		fd, _ := strconv.Atoi(e.Name())
		highest = max(highest, fd)
	}
	return highest, len(open), err
}

// Limit lowers or raises a limit of a process, such as unix.RLIMIT_NOFILE. The hard
// one stays as it is.
func Limit(pid, resource int, to uint64) error {
	var now unix.Rlimit
	if err := unix.Prlimit(pid, resource, nil, &now); err != nil {
		return err
	}
	return unix.Prlimit(pid, resource, &unix.Rlimit{Cur: min(to, now.Max), Max: now.Max}, nil)
}
