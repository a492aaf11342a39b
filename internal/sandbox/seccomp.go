//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// attestation is an option that prctl has not. Our filters answer it with an error
// number of their own, which nobody can give who has no such filter.
const (
	attestation = 0x6c616267 // "labg"
	attested0   = 4000       // plus the role
)

// attested returns the role whose filter the calling thread has.
func attested() Role {
	_, _, errno := syscall.RawSyscall(unix.SYS_PRCTL, attestation, 0, 0)
	if r := Role(max(int(errno), attested0) - attested0); r <= Single {
		return r
	}
	return 0
}

// calls counts the system calls in a role's filter.
func (r Role) calls() int {
	if r == 0 {
		return 0
	}
	return len((&Profile{Role: r}).filter().calls)
}

func (p *Profile) filter() *filter {
	f := &filter{arch: arch, calls: p.table(os.Getpid())}
	switch p.Violation {
	case Refuse:
		f.other = fails(unix.EPERM)
	case Report:
		f.other = unix.SECCOMP_RET_LOG
	default:
		f.other = unix.SECCOMP_RET_KILL_PROCESS
	}
	for i := range f.calls {
		if f.calls[i].number == unix.SYS_PRCTL {
			attest := clause{when: []condition{{0, 1<<64 - 1, attestation}}, then: fails(unix.Errno(attested0 + int(p.Role)))}
			f.calls[i].clauses = append([]clause{attest}, f.calls[i].clauses...)
		}
	}
	return f
}

// seccomp puts the filter on the threads. Before it no_new_privs must be set.
func (p *Profile) seccomp(t threads) (missing []string, err error) {
	program, err := p.filter().assemble()
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
	case errno == unix.ENOSYS || errno == unix.EINVAL:
		return []string{"seccomp: not in this kernel"}, nil
	case errno != 0:
		return nil, fmt.Errorf("seccomp: %w", errno)
	case first != 0:
		return nil, fmt.Errorf("seccomp: thread %d has a filter of its own: %w", first, errors.ErrUnsupported)
	}
	return nil, nil
}

// The kernel's instructions are those of package bpf.
var _ = [1]struct{}{}[unsafe.Sizeof(bpf.RawInstruction{})-unsafe.Sizeof(unix.SockFilter{})]
