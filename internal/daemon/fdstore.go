package daemon

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The service manager may keep a descriptor for a service (sd_notify(3), FDSTORE),
// and give it back when the service is started anew. A queue lives as long as its
// descriptor: packets wait in it while nobody is there, and none of them is lost but
// those that were being judged.

// storedQueue is the name of the queue's descriptor there.
const storedQueue = "queue"

// firstStored is where the service manager puts them (sd_listen_fds(3)).
const firstStored = 3

// takeStored returns the descriptor of that name that the service manager kept, nil if
// there is none. Others that it gave are closed. It is to be called before anything
// is opened, and once.
func takeStored(name string) *os.File {
	defer func() {
		for _, v := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
			os.Unsetenv(v)
		}
	}()
	if pid, err := strconv.Atoi(os.Getenv("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return nil
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		return nil
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	var found *os.File
	for i := range n {
		fd := firstStored + i
		unix.CloseOnExec(fd)
		if i < len(names) && names[i] == name {
			if found != nil {
				found.Close() // it was stored before: the last is of the queue that was last
			}
			found = os.NewFile(uintptr(fd), name)
			continue
		}
		unix.Close(fd)
	}
	return found
}

// storeFD gives the service manager a copy of a descriptor to keep. Without a service
// manager it does nothing.
func storeFD(name string, fd int) error {
	return notifyWith("FDSTORE=1\nFDNAME="+name, fd)
}

// forgetFD has the service manager close its copies.
func forgetFD(name string) error { return notifyWith("FDSTOREREMOVE=1\nFDNAME=" + name) }

// notifyWith is sd_notify with descriptors.
func notifyWith(message string, fds ...int) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	// Not a connected socket: package net sends no descriptors by one of those.
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	defer unix.Close(s)
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if err := unix.Sendmsg(s, []byte(message), rights, &unix.SockaddrUnix{Name: path}, 0); err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	return nil
}

// deposit has the service manager keep the queue, for the case that this process dies.
func (d *daemon) deposit() {
	// One that could not be taken is of no use to the next either, and one that is
	// no queue any more would keep it from having another.
	_ = forgetFD(storedQueue)
	f, err := d.packets.File()
	if err == nil {
		err = storeFD(storedQueue, int(f.Fd()))
		f.Close()
	}
	if err != nil {
		d.Log.Warn("the service manager does not keep the queue: packets that wait are lost with this process", "error", err)
	}
}
