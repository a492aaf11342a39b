package daemon

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/manifest"
	"labelgate/internal/nft"
	"labelgate/internal/process"
)

// handoverVariable is the place in the environment where a program finds what the one
// before it, in the same process, hands over.
const handoverVariable = "LABELGATED_HANDOVER"

// handover is what a keeper hands to the program that takes its place: itself, confined,
// at the start, and another version at an upgrade. Descriptors are 0 where there is none;
// that is the standard input's.
type handover struct {
	Queue, Lock, Raw int            `json:",omitempty"`
	Records, Trail   int            `json:",omitempty"` // both ends of the audit socket
	Progress         int            `json:",omitempty"` // what auditors tell one another
	Listeners        map[string]int `json:",omitempty"`
	Auditor, Judge   int            `json:",omitempty"` // process ids
	Control          int            `json:",omitempty"`
	Parent           int            `json:",omitempty"` // whose end ends this process, by DeathSignal
	DeathSignal      int            `json:",omitempty"`

	// Of the gateway, at an upgrade.
	Upgrades   uint64 `json:",omitempty"`
	Started    time.Time
	Stamp      uint32         `json:",omitempty"`
	Generation uint32         `json:",omitempty"`
	Numbering  string         `json:",omitempty"`
	Full       uint64         `json:",omitempty"` // packets that the kernel has lost from this queue, on record
	Buffer     uint64         `json:",omitempty"`
	Seal       *manifest.Seal `json:",omitempty"` // of the policy in force
	Counted    counted        // since the gateway was started
	Rules      nft.Counters   // as last read
}

// takeHandover returns what was handed over, false if nothing was.
func takeHandover() (h handover, ok bool, err error) {
	text, ok := os.LookupEnv(handoverVariable)
	if !ok {
		return h, false, nil
	}
	os.Unsetenv(handoverVariable)
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return h, false, fmt.Errorf("%s: %w; it is set by labelgated itself", handoverVariable, err)
	}
	for _, fd := range h.descriptors() {
		unix.CloseOnExec(fd)
	}
	return h, true, nil
}

func (h *handover) descriptors() []int {
	var all []int
	for _, fd := range []int{h.Queue, h.Lock, h.Raw, h.Records, h.Trail, h.Progress} {
		if fd != 0 {
			all = append(all, fd)
		}
	}
	for _, fd := range h.Listeners {
		all = append(all, fd)
	}
	return all
}

// environment is that of the program that takes over.
func (h *handover) environment() ([]string, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	for _, fd := range h.descriptors() {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return nil, fmt.Errorf("descriptor %d: %w", fd, err)
		}
	}
	return append(os.Environ(), handoverVariable+"="+string(text)), nil
}

// keep takes the descriptors back after nobody took over.
func (h *handover) keep() {
	for _, fd := range h.descriptors() {
		unix.CloseOnExec(fd)
	}
}

// file makes a file of a descriptor that was handed over, nil of 0.
func file(fd int, name string) *os.File {
	if fd == 0 {
		return nil
	}
	return os.NewFile(uintptr(fd), name)
}

// descriptor is that of a file, 0 of nil.
func descriptor(f *os.File) int {
	if f == nil {
		return 0
	}
	return int(f.Fd())
}

// living is the process id of a child that has not ended, 0 for none: that of one that
// has may be another process's.
func living(c *process.Child) int {
	if c == nil || !c.Alive() {
		return 0
	}
	return c.PID()
}

// reap sees the processes end that the program before had started: their channels
// were closed when it became another. The auditor writes what
// waits first: its successor must not write the same.
func (h *handover) reap() {
	if h.Judge != 0 { // it has seen that too, and sums up what it suppressed
		go process.Adopt(h.Judge, roleJudge).Wait(exitPatience)
	}
	if h.Auditor != 0 {
		process.Adopt(h.Auditor, roleAuditor).Wait(exitPatience)
	}
	if h.Control != 0 { // it has seen the end of its channels, and may still say so
		go process.Adopt(h.Control, roleControl).Wait(exitPatience)
	}
	h.Judge, h.Auditor, h.Control = 0, 0, 0
}

// stamp is the generation that marks carry. Packets that wait with the marks of the
// program before are understood where its numbers mean the same.
func (h *handover) stamp(numbering string) uint32 {
	if h.Stamp != 0 && h.Numbering == numbering {
		return h.Stamp
	}
	return newStamp(h.Stamp)
}
