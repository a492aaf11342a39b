package sandbox

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// threads says whom a change concerns: for the kernel, credentials are a thread's.
type threads uint8

const (
	// this thread, to which the goroutine is locked.
	this threads = iota
	// every thread, by the means of the runtime. With cgo that fails.
	every
)

// call makes a system call in each of the threads.
//
//go:uintptrescapes
func (t threads) call(trap, a1, a2, a3, a4, a5 uintptr) error {
	var errno syscall.Errno
	if t == every {
		_, _, errno = syscall.AllThreadsSyscall6(trap, a1, a2, a3, a4, a5, 0)
	} else {
		_, _, errno = syscall.Syscall6(trap, a1, a2, a3, a4, a5, 0)
	}
	switch {
	case errno == unix.ENOTSUP && t == every:
		return fmt.Errorf("built with cgo, which hides threads from Go; build with CGO_ENABLED=0: %w", errno)
	case errno != 0:
		return errno
	}
	return nil
}

func (t threads) prctl(option, a2, a3 uintptr) error {
	if err := t.call(unix.SYS_PRCTL, option, a2, a3, 0, 0); err != nil {
		return fmt.Errorf("prctl %d: %w", option, err)
	}
	return nil
}
