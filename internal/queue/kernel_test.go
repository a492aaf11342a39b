package queue_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netns"

	"labelgate/internal/queue"
)

// emptyNamespace makes a network namespace that ends with the test.
func emptyNamespace(t *testing.T) netns.NsHandle {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
	var made netns.NsHandle
	var err error
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		runtime.LockOSThread() // the thread ends with the goroutine
		made, err = netns.New()
	}()
	wg.Wait()
	if err != nil {
		t.Skipf("needs network namespaces: %v", err)
	}
	t.Cleanup(func() { made.Close() })
	return made
}

// kernelStats reads the queues of a namespace.
func kernelStats(t *testing.T, ns netns.NsHandle) []queue.KernelStats {
	t.Helper()
	var all []queue.KernelStats
	var err error
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		runtime.LockOSThread()
		if err = netns.Set(ns); err == nil {
			all, err = queue.ReadKernelStats()
		}
	}()
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

type dropAll struct{}

func (dropAll) Handle([]queue.Packet, []queue.Verdict) {}

func TestOpenRunClose(t *testing.T) {
	ns := emptyNamespace(t)
	complain := func(format string, args ...any) { t.Errorf("unexpected: "+format, args...) }
	for i := range 3 {
		q, err := queue.Open(queue.Config{Number: 5, Length: 99, NetNS: int(ns), Errorf: complain})
		if err != nil {
			t.Fatal(err)
		}
		all := kernelStats(t, ns)
		if len(all) != 1 || all[0].Number != 5 || all[0].CopyMode != 2 || all[0].CopyRange != queue.MaxPayload || all[0].Depth != 0 {
			t.Errorf("kernel's account: %+v", all)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- q.Run(ctx, dropAll{}) }()
		time.Sleep(20 * time.Millisecond)
		start := time.Now()
		if i == 1 {
			if err := q.Close(); err != nil {
				t.Error(err)
			}
		} else {
			cancel()
		}
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if d := time.Since(start); d > 500*time.Millisecond {
			t.Errorf("Run ended after %v", d)
		}
		cancel()
		if all := kernelStats(t, ns); len(all) != 0 {
			t.Errorf("still bound: %+v", all)
		}
		if err := q.Close(); err != nil {
			t.Errorf("Close after Run: %v", err)
		}
		if err := q.Run(context.Background(), dropAll{}); err == nil {
			t.Error("second Run succeeded")
		}
	}
}

func TestCloseWithoutRun(t *testing.T) {
	ns := emptyNamespace(t)
	q, err := queue.Open(queue.Config{Number: 5, NetNS: int(ns)})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for range 2 {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
	if d := time.Since(start); d > 500*time.Millisecond {
		t.Errorf("Close took %v", d)
	}
	if all := kernelStats(t, ns); len(all) != 0 {
		t.Errorf("still bound: %+v", all)
	}
}

func TestQueueHasOneOwner(t *testing.T) {
	ns := emptyNamespace(t)
	q, err := queue.Open(queue.Config{Number: 5, NetNS: int(ns)})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	_, err = queue.Open(queue.Config{Number: 5, NetNS: int(ns)})
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "another program owns") {
		t.Errorf("second Open: %v", err)
	}
	other, err := queue.Open(queue.Config{Number: 6, NetNS: int(ns)})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

// unprivileged is set for the copy of this test binary that has no capability.
const unprivileged = "LABELGATE_TEST_UNPRIVILEGED"

func TestOpenWithoutCapability(t *testing.T) {
	if os.Getenv(unprivileged) != "" {
		_, err := queue.Open(queue.Config{Number: 5})
		if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
			t.Errorf("Open: %v", err)
		}
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestOpenWithoutCapability$")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), unprivileged+"=1")
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWNET,
			Credential: &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: true},
		}
	}
	out, err := cmd.CombinedOutput()
	if _, ran := err.(*exec.ExitError); err != nil && !ran {
		t.Skipf("needs a second user id: %v", err)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
