package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespaces is where named namespaces are; "ip netns" looks there as well.
const namespaces = "/run/netns"

// namespaceName is the name of a node's namespace.
func namespaceName(lab, node string) string { return "lg-" + lab + "-" + node }

// onThread runs f on a thread that nothing else uses meanwhile. f may move the
// thread to other namespaces: a thread that does not find its way back is not
// used again, since whatever came to run on it would be in the wrong network.
func onThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		err := errors.New("the function did not return")
		defer func() { result <- err }()
		runtime.LockOSThread()
		own, openErr := netns.Get()
		if openErr != nil {
			runtime.UnlockOSThread()
			err = fmt.Errorf("own network namespace: %w", openErr)
			return
		}
		defer own.Close()
		err = f()
		if netns.Set(own) == nil {
			runtime.UnlockOSThread()
		}
	}()
	return <-result
}

// inside runs f on a thread in a namespace. What f opens there, a socket, say,
// stays there. A goroutine that f starts is not inside.
func inside(ns netns.NsHandle, f func() error) error {
	return onThread(func() error {
		if err := netns.Set(ns); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return f()
	})
}

// makeNamespace makes a named namespace.
func makeNamespace(name string) (ns netns.NsHandle, err error) {
	err = onThread(func() error {
		ns, err = netns.NewNamed(name)
		return err
	})
	if err == nil {
		return ns, nil
	}
	if errors.Is(err, fs.ErrExist) {
		return netns.None(), fmt.Errorf("network namespace %s exists; \"labelgate lab down\" removes what a lab left behind", name)
	}
	if !mounted(name) {
		os.Remove(filepath.Join(namespaces, name)) // left by a mount that failed
	}
	return netns.None(), fmt.Errorf("make network namespace %s: %w", name, err)
}

// mounted reports whether the name stands for a namespace, and is not just an
// empty file that one was to be mounted on.
func mounted(name string) bool {
	var s unix.Statfs_t
	return unix.Statfs(filepath.Join(namespaces, name), &s) == nil && s.Type == unix.NSFS_MAGIC
}

// removeNamespace takes a name away. The namespace itself ends with the last
// process and socket in it. A name that is not there is no error.
func removeNamespace(name string) error {
	path := filepath.Join(namespaces, name)
	for mounted(name) {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("remove network namespace %s: %w", name, err)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove network namespace %s: %w", name, err)
	}
	return nil
}

// openNamespace opens a named namespace.
func openNamespace(name string) (netns.NsHandle, error) {
	if !mounted(name) {
		return netns.None(), fmt.Errorf("network namespace %s: %w", name, fs.ErrNotExist)
	}
	return netns.GetFromName(name)
}
