package nft

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// inside runs f on a thread in a network namespace.
func inside(netns int, f func() error) error {
	if netns == 0 {
		return f()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		err := unix.Setns(netns, unix.CLONE_NEWNET)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}
