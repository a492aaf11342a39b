package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSignals: a keeper signals what it started, by any of its threads, and nobody
// else; what it started signals neither it nor others, even where no filter of
// system calls keeps it from that.
func TestSignals(t *testing.T) {
	needRoot(t)
	p := &Profile{Role: Keeper, Must: true, Execute: []string{executable(t)}}
	task{Enter: p, Do: "signals"}.inmate(t).ok(t)
}

func signalsDeed(task) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	child := task{Apply: &Profile{Role: Auditor, Must: true, Violation: Report}, Do: "shoot"}
	p, err := startChild(child, nil, w)
	if err != nil {
		return err
	}
	defer p.Kill()
	w.Close()
	result, err := io.ReadAll(r)
	if err != nil || !strings.HasSuffix(string(result), "held") {
		return fmt.Errorf("child: %q, %w", result, err)
	}
	if err := seen(p.Pid); err != nil {
		return err
	}
	for range 8 {
		failed := make(chan error)
		go func() {
			runtime.LockOSThread() // the next one is another thread
			failed <- errors.Join(p.Signal(syscall.Signal(0)), unix.Kill(p.Pid, 0))
		}()
		if err := <-failed; err != nil {
			return fmt.Errorf("the child: %w", err)
		}
	}
	if err := unix.Kill(os.Getppid(), 0); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("the test itself: %w", err)
	}
	if err := p.Kill(); err != nil {
		return err
	}
	_, err = p.Wait()
	return err
}

// seen looks at a child from outside.
func seen(pid int) error {
	s, err := Of(pid)
	if err != nil {
		return err
	}
	if len(s.Capabilities)+len(s.Bounding)+len(s.Ambient) != 0 || !s.NoNewPrivileges || !s.Seccomp || s.Filters != 2 {
		return fmt.Errorf("seen from outside: %s", s)
	}
	return nil
}

// shoot tries to signal, and says by descriptor 3 what came of it.
func shoot(task) (func() error, error) {
	parent, out := os.Getppid(), os.NewFile(3, "result")
	return func() error {
		for _, pid := range []int{parent, 1} {
			if err := unix.Kill(pid, 0); !errors.Is(err, unix.EPERM) {
				fmt.Fprintf(out, "process %d: %v", pid, err)
			}
		}
		fmt.Fprint(out, "held")
		out.Close()
		return sleep(task{})
	}, nil
}
