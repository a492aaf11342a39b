//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Options that prctl has not. Our filters answer them with error numbers of their
// own, which nobody can give who has no such filter.
const (
	askRole = 0x6c616267 // "labg"
	askSum  = askRole + 1

	firstRole = 4000 // plus the role, plus 8 times the violation
	firstSum  = 1000 // plus the filter's sum modulo sums
	sums      = 3000
)

func ask(option uintptr) int {
	_, _, errno := syscall.RawSyscall(unix.SYS_PRCTL, option, 0, 0)
	return int(errno)
}

// attested returns the role whose filter the calling thread has, and what becomes
// of a process that violates it.
func attested() (Role, Violation) {
	n := ask(askRole) - firstRole
	if r, v := Role(n&7), Violation(n>>3); n >= 0 && r <= Single && v <= Report {
		return r, v
	}
	return 0, 0
}

// calls counts the system calls in a profile's filter.
func (p *Profile) calls() int { return len(p.table(0)) }

// filter returns what decides about the process pid.
func (p *Profile) filter(pid int) *filter {
	f := &filter{arch: arch, calls: p.table(pid)}
	switch p.Violation {
	case Refuse:
		f.other = fails(unix.EPERM)
	case Report:
		f.other = unix.SECCOMP_RET_LOG
	default:
		f.other = unix.SECCOMP_RET_KILL_PROCESS
	}
	return f
}

// program returns the filter with the answers of attested and current in it.
func (p *Profile) program(pid int) ([]bpf.RawInstruction, error) {
	f := p.filter(pid)
	sum, err := f.sum()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(f.calls, func(c call) bool { return c.number == unix.SYS_PRCTL })
	answer := func(option uint64, errno int) clause {
		return clause{[]condition{exactly(0, option)}, fails(unix.Errno(errno))}
	}
	f.calls[i].clauses = append([]clause{
		answer(askRole, firstRole+int(p.Role)+8*int(p.Violation)), answer(askSum, firstSum+sum),
	}, f.calls[i].clauses...)
	return f.assemble()
}

// sum tells filters apart that are not meant to be alike.
func (f *filter) sum() (int, error) {
	program, err := f.assemble()
	if err != nil {
		return 0, err
	}
	hash := crc32.NewIEEE()
	if err := binary.Write(hash, binary.LittleEndian, program); err != nil {
		return 0, err
	}
	return int(hash.Sum32() % sums), nil
}

// current reports whether the filter of the calling thread, which attests a keeper,
// is the one that the profile would give it.
func (p *Profile) current() bool {
	sum, err := p.filter(os.Getpid()).sum()
	return err == nil && ask(askSum) == firstSum+sum
}

// filters reports whether the kernel has them, with the action that ours take.
func filters() bool {
	action := uint32(unix.SECCOMP_RET_KILL_PROCESS)
	_, _, errno := syscall.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	return errno == 0
}

// seccomp puts the filter on the threads. Before it no_new_privs must be set.
func (p *Profile) seccomp(t threads) (missing []string, err error) {
	if !filters() {
		return []string{"seccomp is not in this kernel: no system call is denied"}, nil
	}
	program, err := p.program(os.Getpid())
	if err != nil {
		return nil, err
	}
	var flags uintptr
	if t == every {
		flags = unix.SECCOMP_FILTER_FLAG_TSYNC
	}
	prog := &unix.SockFprog{Len: uint16(len(program)), Filter: (*unix.SockFilter)(unsafe.Pointer(unsafe.SliceData(program)))}
	first, _, errno := syscall.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(prog)))
	runtime.KeepAlive(program)
	switch {
	case errno != 0:
		return nil, fmt.Errorf("seccomp: %w", errno)
	case first != 0:
		return nil, fmt.Errorf("seccomp: thread %d has a filter of its own: %w", first, errors.ErrUnsupported)
	}
	return nil, nil
}

// The kernel's instructions are those of package bpf.
var _ = [1]struct{}{}[unsafe.Sizeof(bpf.RawInstruction{})-unsafe.Sizeof(unix.SockFilter{})]
