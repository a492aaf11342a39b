package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"testing"

	"golang.org/x/sys/unix"
)

// TestControl: it answers whoever connects, knows who that is, and what it is itself.
func TestControl(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir + "/control"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := task{Do: "control", Apply: &Profile{Role: Control, Must: true}}.command(t)
	cmd.ExtraFiles = []*os.File{file}
	answer := make(chan string, 1)
	go func() {
		c, err := net.Dial("unix", dir+"/control")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer c.Close()
		c.SetDeadline(waits())
		b := make([]byte, 64)
		n, err := c.Read(b)
		if err != nil {
			answer <- err.Error()
			return
		}
		answer <- string(b[:n])
	}()
	finish(t, cmd).ok(t)
	if got := <-answer; got != "hello root" {
		t.Errorf("answer: %s", got)
	}
}

func controlDeed(task) (func() error, error) {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return nil, err
	}
	return func() error {
		listener.(*net.UnixListener).SetDeadline(waits())
		c, err := listener.Accept()
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(waits())
		raw, err := c.(*net.UnixConn).SyscallConn()
		if err != nil {
			return err
		}
		var peer *unix.Ucred
		if e := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
			if err == nil {
				peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
			}
		}); e != nil || err != nil {
			return errors.Join(e, err)
		}
		who, err := user.LookupId(fmt.Sprint(peer.Uid))
		if err != nil {
			return err
		}
		if _, err := user.LookupGroup("root"); err != nil {
			return err
		}
		for _, name := range []string{"/proc/self/stat", "/proc/self/limits"} {
			if _, err := os.ReadFile(name); err != nil {
				return err
			}
		}
		if _, err := os.ReadDir("/proc/self/fd"); err != nil {
			return err
		}
		_, err = fmt.Fprint(c, "hello ", who.Username)
		return err
	}, nil
}
