package lab_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"labelgate/internal/lab"
)

// exampleLab is the example lab, up, under a name of its own.
func exampleLab(t *testing.T) *lab.Lab {
	t.Helper()
	topology, err := lab.Read("../../examples/lab/lab.toml")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Start(t.Context(), topology, lab.Options{Name: testName(t), Labelgated: daemon(t), Directory: short(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// short is a temporary directory whose path leaves room for sockets.
func short(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestDaemons(t *testing.T) {
	l := exampleLab(t)
	outcome := func() lab.Outcome {
		t.Helper()
		r, err := l.Probe(t.Context(), lab.Probe{From: "alice", To: "vault", Proto: lab.ICMP, Timeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return r.Outcome()
	}
	if got := outcome(); got != lab.Passed {
		t.Fatalf("at first: %v", got)
	}
	big, err := l.Probe(t.Context(), lab.Probe{From: "alice", To: "vault", Proto: lab.TCP, Size: 2 << 20, Timeout: 20 * time.Second})
	if err != nil || !big.Delivered {
		t.Errorf("two megabytes each way: %+v, %v", big, err)
	}
	d := l.Daemon(lab.GatewayName)
	status, err := d.Reload(t.Context())
	if err != nil || status == "" {
		t.Errorf("reload: %q, %v", status, err)
	}
	if got := outcome(); got != lab.Passed {
		t.Errorf("after a reload: %v", got)
	}
	if _, err := l.StartDaemon(t.Context(), lab.GatewayName); err == nil {
		t.Error("two daemons on one node")
	}
	if err := d.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-d.Exited()
	if got := outcome(); got != lab.Dropped {
		t.Errorf("without a daemon: %v", got)
	}
	if _, err := l.StartDaemon(t.Context(), lab.GatewayName); err != nil {
		t.Fatal(err)
	}
	if got := outcome(); got != lab.Passed {
		t.Errorf("after a restart: %v", got)
	}
	for _, node := range l.Nodes() {
		want := node == lab.GatewayName || l.Topology().Host(node).Labeled()
		if got := l.Daemon(node) != nil; got != want {
			t.Errorf("%s runs labelgated: %v, want %v", node, got, want)
		}
	}
}

// fake writes a program that takes labelgated's place.
func fake(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "labelgated")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFailingDaemonLeavesNothing(t *testing.T) {
	needLab(t)
	topology, err := lab.Read("../../examples/lab/lab.toml")
	if err != nil {
		t.Fatal(err)
	}
	pids := filepath.Join(t.TempDir(), "pids")
	note := fmt.Sprintf("echo $$ >> %s\n", pids)
	tests := []struct {
		name, script string
		cancel       time.Duration
		want         string
	}{
		{"ends at once", "echo the queue is taken >&2; exit 3", 0, "ended before it was ready: exit status 3\n  the queue is taken"},
		{"never ready", "exec sleep 60", 0, "not ready after 300ms"},
		{"stubborn", "trap '' TERM; while :; do sleep 1; done", 0, "not ready after 300ms"},
		{"cancelled", "exec sleep 60", 100 * time.Millisecond, "context deadline exceeded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name, root := testName(t), short(t)
			ctx, stop := context.WithCancel(t.Context())
			if tt.cancel > 0 {
				ctx, stop = context.WithTimeout(t.Context(), tt.cancel+200*time.Millisecond)
			}
			defer stop()
			patience := 300 * time.Millisecond
			if tt.cancel > 0 {
				patience = time.Minute
			}
			_, err := lab.Start(ctx, topology, lab.Options{Name: name, Labelgated: fake(t, note+tt.script), Directory: root, Patience: patience})
			var daemon *lab.DaemonError
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.cancel == 0 && !errors.As(err, &daemon) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if left := leftovers(t, name); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
			started, err := os.ReadFile(pids)
			if err != nil {
				t.Fatal(err)
			}
			for _, pid := range strings.Fields(string(started)) {
				if _, err := os.Stat("/proc/" + pid); err == nil {
					t.Errorf("process %s is still there", pid)
				}
			}
		})
	}
}

func TestMissingDaemonIsSaid(t *testing.T) {
	needLab(t)
	topology := plain(testName(t))
	for _, path := range []string{"/nowhere/labelgated", "/etc/passwd"} {
		if _, err := lab.Start(t.Context(), topology, lab.Options{Labelgated: path, Directory: short(t)}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// What the topology and the gateway's settings say of zones must agree.
func TestZonesMustAgree(t *testing.T) {
	needLab(t)
	for _, tt := range []struct{ name, old, new, want string }{
		{"another zone", `zone      = "partner"`, `zone      = "enclave"`, "host carol is to be in zone enclave, but"},
		{"no zone", `interface = "g-carol"`, `interface = "g-other"`, "no zone of"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := os.ReadFile("../../examples/lab/lab.toml")
			if err != nil {
				t.Fatal(err)
			}
			topology, err := lab.Parse("../../examples/lab/lab.toml", []byte(strings.Replace(string(data), tt.old, tt.new, 1)))
			if err != nil {
				t.Fatal(err)
			}
			_, err = lab.Start(t.Context(), topology, lab.Options{Labelgated: daemon(t), Directory: short(t)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}
