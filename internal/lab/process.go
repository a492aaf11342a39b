package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process names a process for good. Its number alone does not: the kernel gives
// numbers away again, and the next one to have it may be anybody.
type process struct {
	Node  string `json:"node,omitempty"`
	PID   int    `json:"pid"`
	Exe   string `json:"exe"`
	Start uint64 `json:"start"` // clock ticks from boot, field 22 of /proc/pid/stat
}

func self() process {
	p, _ := identify(os.Getpid())
	return p
}

// identify looks a running process up. One that has ended but was not waited for
// counts as gone.
func identify(pid int) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	// The second field is the name in parentheses and may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const state, start = 0, 19 // fields 3 and 22
	if len(fields) <= start {
		return process{}, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	if s := fields[state][0]; s == 'Z' || s == 'X' {
		return process{}, os.ErrProcessDone
	}
	p := process{PID: pid}
	if p.Start, err = strconv.ParseUint(string(fields[start]), 10, 64); err != nil {
		return process{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	if p.Exe, err = os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil {
		return process{}, err
	}
	p.Exe = strings.TrimSuffix(p.Exe, " (deleted)")
	return p, nil
}

// alive reports whether that very process runs.
func (p process) alive() bool {
	now, err := identify(p.PID)
	return err == nil && now.Start == p.Start && now.Exe == p.Exe
}

// end asks the process to end, and makes it after patience. One that is gone, or
// whose number belongs to another by now, is left alone.
func (p process) end(patience time.Duration) error {
	// The handle is opened first and refers to one process for good; if that is
	// the right one, so is whatever is signalled through it.
	handle, err := os.FindProcess(p.PID)
	if err != nil {
		return nil
	}
	defer handle.Release()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if !p.alive() {
			return nil
		}
		if err := handle.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("end process %d (%s): %w", p.PID, p.Exe, err)
		}
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if !p.alive() {
				return nil
			}
		}
	}
	return fmt.Errorf("process %d (%s) does not end", p.PID, p.Exe)
}
