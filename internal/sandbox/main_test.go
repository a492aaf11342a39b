package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary plays the processes itself: with inmate set it is one.
const inmate = "LABELGATE_TEST_INMATE"

// task is what a process of the test is to do.
type task struct {
	Enter *Profile // enter first, as a keeper
	Apply *Profile // then apply, as one of the others
	Do    string   // then this, a name in deeds
	Args  []string
}

func TestMain(m *testing.M) {
	text, ok := os.LookupEnv(inmate)
	if !ok {
		os.Exit(m.Run())
	}
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		panic(err)
	}
	if err := t.run(); err != nil {
		fmt.Fprintln(os.Stderr, "inmate:", err)
		os.Exit(1)
	}
}

func (t task) run() error {
	if t.Enter != nil {
		s, err := Enter(*t.Enter, func() error { return Exec("/proc/self/exe", os.Args, os.Environ()) })
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, s)
	}
	before, known := deeds[t.Do]
	if !known {
		return fmt.Errorf("no deed %q", t.Do)
	}
	do, err := before(t)
	if err != nil {
		return err
	}
	if t.Apply != nil {
		s, err := Apply(*t.Apply)
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, s)
	}
	return do()
}

// outcome is how a process ended.
type outcome struct {
	stdout, stderr string
	signal         syscall.Signal // 0 when it exited
	code           int
}

// patience is how long any process of a test may take.
const patience = time.Minute

// inmates runs a task in a process of its own.
func (t task) inmate(tb testing.TB, extra ...*os.File) outcome {
	tb.Helper()
	cmd := t.command(tb)
	cmd.ExtraFiles = extra
	return finish(tb, cmd)
}

func (t task) command(tb testing.TB) *exec.Cmd {
	tb.Helper()
	text, err := json.Marshal(t)
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), inmate+"="+string(text))
	return cmd
}

func finish(tb testing.TB, cmd *exec.Cmd) outcome {
	tb.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	o := outcome{stdout: stdout.String(), stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		w := exit.Sys().(syscall.WaitStatus)
		if w.Signaled() {
			o.signal = w.Signal()
		}
		o.code = w.ExitStatus()
	default:
		tb.Fatal(err)
	}
	return o
}

func (o outcome) ok(tb testing.TB) {
	tb.Helper()
	if o.signal != 0 || o.code != 0 {
		tb.Fatalf("signal %v, exit code %d\n%s", o.signal, o.code, o.stderr)
	}
}

func needRoot(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("needs root: gives up what only root has")
	}
	if _, _, errno := syscall.AllThreadsSyscall(syscall.SYS_GETPID, 0, 0, 0); errno == syscall.ENOTSUP {
		tb.Skip("built with cgo: needs CGO_ENABLED=0, as labelgated does")
	}
}

func lines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }
