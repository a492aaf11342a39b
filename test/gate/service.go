package gate

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"labelgate/internal/lab"
)

// Service is one run of labelgated.
type Service struct {
	manager *Manager
	cmd     *exec.Cmd
	exited  chan struct{}
	begun   time.Time
}

// start starts the process inside the gateway. The thread that starts it waits for
// it as well: a process that is to end with its parent ends with the very thread
// that started it.
func (v *Service) start() error {
	started := make(chan error, 2)
	go func() {
		started <- v.manager.site.Do(lab.GatewayName, func() error {
			if err := v.cmd.Start(); err != nil {
				return err
			}
			started <- nil
			v.cmd.Wait()
			close(v.exited)
			return nil
		})
	}()
	return <-started
}

// PID returns the number of the process that was started.
func (v *Service) PID() int { return v.cmd.Process.Pid }

// Exited is closed when that process has ended.
func (v *Service) Exited() <-chan struct{} { return v.exited }

// Running is what Ended says of a process that has not.
const Running = "still there"

// Ended reports whether it has, and how: valid after Exited.
func (v *Service) Ended() string {
	select {
	case <-v.exited:
		return v.cmd.ProcessState.String()
	default:
		return Running
	}
}

// Signal sends it a signal.
func (v *Service) Signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := v.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// Kill ends it at once and waits until it is gone.
func (v *Service) Kill(t testing.TB) {
	t.Helper()
	v.Signal(t, os.Kill)
	<-v.exited
}

// Stop ends it in order.
func (v *Service) Stop(t testing.TB) {
	t.Helper()
	v.Signal(t, syscall.SIGTERM)
	select {
	case <-v.exited:
	case <-time.After(10 * time.Second):
		t.Errorf("labelgated does not end; the end of its log:\n%s", v.manager.Tail(12))
		v.Kill(t)
	}
}

// end ends it by force if it is still there, and what it has started and left
// behind, as a service manager does.
func (v *Service) end() {
	var handles []*os.Process
	for _, p := range v.Family()[1:] {
		if h, err := os.FindProcess(p.PID); err == nil {
			handles = append(handles, h)
		}
	}
	v.cmd.Process.Kill()
	<-v.exited
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline) && anyAlive(handles); {
		sleepMilliseconds(5) // the last records are being written
	}
	for _, h := range handles {
		h.Kill()
		h.Release()
	}
}

func anyAlive(handles []*os.Process) bool {
	return slices.ContainsFunc(handles, func(h *os.Process) bool { return h.Signal(syscall.Signal(0)) == nil })
}

// Run starts labelgated and waits until it is ready.
func (m *Manager) Run(t testing.TB) *Service {
	t.Helper()
	before := m.Count("READY=1")
	v := m.Start(t)
	m.ready(t, v, before)
	return v
}

// ready waits for one more READY=1.
func (m *Manager) ready(t testing.TB, v *Service, before int) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !m.Await("READY=1", before, 50*time.Millisecond); {
		select {
		case <-v.exited:
			t.Fatalf("labelgated ended: %s\n%s", v.Ended(), m.Tail(12))
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("labelgated is not ready after %v\n%s", Patience, m.Tail(12))
		}
	}
}

// Reload has it read its files again, and returns when it has, and how long that
// took.
func (v *Service) Reload(t testing.TB) time.Duration {
	t.Helper()
	before := v.manager.Count("READY=1")
	begun := time.Now()
	v.Signal(t, syscall.SIGHUP)
	v.manager.ready(t, v, before)
	return time.Since(begun)
}

// Patience is how long something may take that is not measured.
const Patience = 20 * time.Second

// Eventually waits until ok, for as long as Patience.
func Eventually(ok func() bool) bool {
	for deadline := time.Now().Add(Patience); !ok(); sleepMilliseconds(2) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// Build builds labelgated into a directory and returns its path. flags go to go
// build.
func Build(dir string, flags ...string) (string, error) {
	args := append([]string{"build", "-buildvcs=false", "-o", dir}, flags...)
	build := exec.Command("go", append(args, "labelgate/cmd/labelgated")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir + "/labelgated", nil
}
