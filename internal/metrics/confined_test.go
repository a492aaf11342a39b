package metrics

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"labelgate/internal/control"
	"labelgate/internal/sandbox"
)

// roleVariable makes a test program a control process that serves metrics.
const roleVariable = "LABELGATE_METRICS_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "" {
		os.Exit(m.Run())
	}
	if err := confined(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// confined serves metrics on descriptor 3 as a control process does, until its
// standard input ends.
func confined() error {
	s := NewServer(Config{Status: func(context.Context) (*control.Status, error) { return busy(), nil }})
	if _, err := sandbox.Apply(sandbox.Profile{Role: sandbox.Control}); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	return s.Serve(ctx, os.NewFile(3, "metrics"))
}

// Metrics come from a process that may open no file and make few calls of the
// kernel, all of them: of itself as well.
func TestConfined(t *testing.T) {
	info, _ := debug.ReadBuildInfo()
	if info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "CGO_ENABLED", Value: "1"}) {
		t.Skip("needs CGO_ENABLED=0: beside cgo no process can confine all of its threads")
	}
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "run", "metrics")
			}
			f, err := Listen(network, address, -1)
			if err != nil {
				t.Fatal(err)
			}
			if l, err := net.FileListener(f); err == nil {
				address = l.Addr().String()
				l.Close()
			}
			c := exec.Command("/proc/self/exe")
			c.Env = []string{roleVariable + "=1"}
			c.ExtraFiles = []*os.File{f}
			c.Stderr = os.Stderr
			in, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			defer c.Process.Kill()
			f.Close()
			for range 3 {
				text := scrape(t, network, address)
				for _, want := range []string{"labelgate_up 1\n", "process_open_fds ", "process_cpu_seconds_total ", "go_build_info{"} {
					if !strings.Contains(text, want) {
						t.Errorf("no %q in\n%s", want, text)
					}
				}
			}
			in.Close()
			if err := c.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

func scrape(t *testing.T, network, address string) string {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
