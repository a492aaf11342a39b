package auditor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/sandbox"
	"labelgate/test/figures"
	"labelgate/test/long"
)

// childVariable makes the test binary an auditor of its own: a childConfig.
const childVariable = "LABELGATE_TEST_AUDITOR"

// childConfig is what a test can tell an auditor in a process of its own. Its
// socket is descriptor 3.
type childConfig struct {
	Output, KeyFile string
	Format          audit.Format
	SealRecords     uint64
	RotateSize      int64
	RotateKeep      int
	Sync            Sync
	Confined        bool    // as labelgated confines its auditor
	DieAt           int     // its how many-th write kills it, 0 for none
	DiePart         float64 // how much of that is written, 0..1
	Descriptors     uint64  // that it may have once it has opened what it needs; 0 for the machine's limit
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		os.Exit(child(text))
	}
	if os.Getenv(insideVariable) != "" {
		os.Exit(m.Run()) // its figures are the outer run's
	}
	os.Exit(long.Main(m, "../..", "audit"))
}

func child(text string) int {
	var c childConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	config := Config{
		Socket: 3, Output: c.Output, KeyFile: c.KeyFile, Format: c.Format, SealRecords: c.SealRecords,
		RotateSize: c.RotateSize, RotateKeep: c.RotateKeep, Sync: c.Sync,
		Errorf: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	}
	if c.DieAt > 0 {
		writes := 0
		config.wrap = func(w io.Writer) io.Writer { return &suicide{w, c, &writes} }
	}
	a, err := Open(config)
	if err == nil {
		if c.Descriptors > 0 {
			exhaust(c.Descriptors)
		}
		if c.Confined {
			if _, err := sandbox.Apply(sandbox.Profile{Role: sandbox.Auditor, Write: []string{filepath.Dir(c.Output)}}); err != nil {
				fmt.Fprintln(os.Stderr, err)
				unix.Write(4, []byte("free"))
				return 3
			}
		}
		unix.Write(4, []byte("open"))
		err = a.Serve(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// suicide is a file whose write ends the process, behind a part of it or the whole.
type suicide struct {
	io.Writer
	config childConfig
	writes *int
}

func (s *suicide) Write(b []byte) (int, error) {
	if *s.writes++; *s.writes == s.config.DieAt {
		s.Writer.Write(b[:int(s.config.DiePart*float64(len(b)))])
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return s.Writer.Write(b)
}

// exhaust leaves the process no descriptor.
func exhaust(limit uint64) {
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		panic(err)
	}
	for {
		if _, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
	}
}

// process is an auditor in a process of its own.
type process struct {
	*exec.Cmd
	ready *os.File // it says here when it has opened what it needs
}

// spawn starts an auditor for the rig's socket and settings.
func (r *rig) spawn(c childConfig) process {
	r.Helper()
	ready, say, err := os.Pipe()
	if err != nil {
		r.Fatal(err)
	}
	defer say.Close()
	r.Cleanup(func() { ready.Close() })
	c.Output, c.KeyFile = r.config.Output, r.config.KeyFile
	text, err := json.Marshal(c)
	if err != nil {
		r.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	cmd.ExtraFiles = []*os.File{r.consumer, say}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	return process{cmd, ready}
}

// kill ends an auditor at once.
func (r *rig) kill(p process) {
	r.Helper()
	if err := p.Process.Kill(); err != nil {
		r.Fatal(err)
	}
	p.Wait()
	p.ready.Close()
}

// end ends an auditor, and demands that it ends well.
func (r *rig) end(cmd process) {
	r.Helper()
	said := make([]byte, 4)
	if _, err := cmd.ready.Read(said); err != nil {
		r.Fatal("the auditor did not open what it needs: ", err)
	}
	if string(said) == "free" {
		cmd.Wait()
		r.Skip("this machine, or a program with cgo, cannot confine an auditor")
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		r.Fatal(err)
	}
}

func figure(id string, value int, unit string) figures.Figure {
	return figures.Figure{ID: "audit/" + id, Value: float64(value), Unit: unit}
}
