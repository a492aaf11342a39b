package control

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// setGroups is setgroups(2) for the calling thread only.
func setGroups(groups []uint32) error {
	groups = append(groups, 0) // for an address where there are none
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)-1), uintptr(unsafe.Pointer(&groups[0])), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
