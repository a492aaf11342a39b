package queue_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/queue"
	"labelgate/internal/queue/queuetest"
	"labelgate/test/long"
)

// asChild is set for the copy of this test binary that serves a queue it was handed,
// and says what it does with packets.
const asChild = "LABELGATE_TEST_CHILD"

const childQueue = 21

// The child's descriptors beside the usual three.
const (
	childSocket = 3 + iota
	childNetNS
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(asChild); mode != "" {
		if err := child(mode); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(long.Main(m, "../..", "queue"))
}

// childHandler accepts all packets, or takes a batch and never answers it.
type childHandler struct{ hold bool }

func (h childHandler) Handle(p []queue.Packet, v []queue.Verdict) {
	if h.hold {
		fmt.Println("holds", len(p))
		select {}
	}
	for i := range v {
		v[i].Accept = true
	}
}

// child adopts the queue, tells how many packets were stale, and serves it until it
// is told to give it up: by the end of its input it exits, by a line it executes
// itself anew.
func child(mode string) error {
	q, err := queue.Adopt(queue.Config{
		Number: childQueue, NetNS: childNetNS,
		Errorf: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	}, childSocket)
	if err != nil {
		return err
	}
	fmt.Println("stale", q.Stats().Stale)
	done := make(chan error, 1)
	go func() { done <- q.Run(context.Background(), childHandler{hold: mode == "hold"}) }()
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	q.Release()
	if err := <-done; err != nil {
		return err
	}
	s := q.Stats()
	fmt.Println("released", s.VerdictErrors, s.Received-s.Accepted)
	if line == "" {
		return q.Close()
	}
	if _, err := unix.FcntlInt(childSocket, unix.F_SETFD, 0); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", os.Args, os.Environ())
}

// kid is a child as its parent sees it.
type kid struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
}

func startKid(t *testing.T, n *queuetest.Net, socket *os.File, mode string) *kid {
	t.Helper()
	k := &kid{t: t, cmd: exec.Command("/proc/self/exe"), lines: make(chan string, 8)}
	k.cmd.Env = append(os.Environ(), asChild+"="+mode)
	k.cmd.Stderr = os.Stderr
	ns := os.NewFile(uintptr(dup(t, n.FD())), "netns")
	defer ns.Close()
	k.cmd.ExtraFiles = []*os.File{socket, ns}
	in, err := k.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	k.in = in
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(k.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			k.lines <- s.Text()
		}
	}()
	return k
}

func dup(t *testing.T, fd int) int {
	t.Helper()
	d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// says reads the child's next line, which must begin with a word, and returns the
// first number after it.
func (k *kid) says(word string) (n int) {
	k.t.Helper()
	select {
	case line, ok := <-k.lines:
		if !ok || !strings.HasPrefix(line, word+" ") {
			k.t.Fatalf("child says %q, want %s", line, word)
		}
		if _, err := fmt.Sscanf(line, word+" %d", &n); err != nil {
			k.t.Fatalf("child says %q: %v", line, err)
		}
		return n
	case <-time.After(20 * time.Second):
		k.t.Fatalf("child says nothing, want %s", word)
		return 0
	}
}

// quit has the child give the queue up and waits for its end.
func (k *kid) quit() {
	k.t.Helper()
	k.in.Close()
	if refused := k.says("released"); refused != 0 {
		k.t.Errorf("%d verdicts were refused", refused)
	}
	if err := k.cmd.Wait(); err != nil {
		k.t.Errorf("child: %v", err)
	}
}

func (k *kid) kill() {
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait()
}
