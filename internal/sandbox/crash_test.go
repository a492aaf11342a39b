package sandbox

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestCrash: whatever goes wrong in a confined process is told by a trace, not by
// the silence of a filter.
func TestCrash(t *testing.T) {
	needRoot(t)
	for _, tt := range []struct {
		name, trace string
		code        int
		signal      syscall.Signal
		environment string
	}{
		{name: "panic", trace: "panic: on purpose", code: 2},
		{name: "nil", trace: "nil pointer dereference", code: 2},
		{name: "fault", trace: "unexpected fault address", code: 2},
		{name: "stack", trace: "stack overflow", code: 2},
		{name: "maps", trace: "concurrent map", code: 2},
		{name: "deadlock", trace: "all goroutines are asleep", code: 2},
		{name: "quit", trace: "SIGQUIT: quit", code: 2},
		{name: "terminate", signal: syscall.SIGTERM},
		{name: "panic", trace: "panic: on purpose", signal: syscall.SIGABRT, environment: "GOTRACEBACK=crash"},
	} {
		for _, k := range allRoles(t) {
			t.Run(tt.name+tt.environment+"/"+k.role().String(), func(t *testing.T) {
				t.Parallel()
				k.Do, k.Args = "crash", []string{tt.name}
				cmd := k.command(t)
				cmd.Env = append(cmd.Env, tt.environment)
				o := finish(t, cmd)
				if o.signal != tt.signal || tt.code != 0 && o.code != tt.code {
					t.Errorf("signal %v, exit code %d, want %v, %d", o.signal, o.code, tt.signal, tt.code)
				}
				if !strings.Contains(o.stderr, tt.trace) || tt.trace != "" && !strings.Contains(o.stderr, "goroutine ") {
					t.Errorf("no trace of %q:\n%s", tt.trace, o.stderr)
				}
			})
		}
	}
}

func overflow(n int) int {
	if n < 0 {
		return 0
	}
	return overflow(n+1) + 1
}

// crash ends the process in one of the ways there are.
func crash(t task) (func() error, error) {
	page, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	return func() error {
		switch t.Args[0] {
		case "panic":
			go func() { panic("on purpose") }()
		case "nil":
			var p *task
			p.Do = ""
		case "fault":
			page[0] = 1
		case "stack":
			debug.SetMaxStack(1 << 20)
			if overflow(0) > 0 {
				return fmt.Errorf("a stack without end")
			}
		case "maps":
			m := map[int]int{}
			for range 4 {
				go func() {
					for i := 0; ; i++ {
						m[i%8] = i
					}
				}()
			}
		case "deadlock":
			select {}
		case "quit":
			if err := self0(syscall.SIGQUIT); err != nil {
				return err
			}
		case "terminate":
			if err := self0(syscall.SIGTERM); err != nil {
				return err
			}
		}
		time.Sleep(patience / 2)
		return fmt.Errorf("%s changed nothing", t.Args[0])
	}, nil
}

// self0 signals the first thread of the process, as kill would.
func self0(s syscall.Signal) error { return unix.Tgkill(os.Getpid(), os.Getpid(), s) }
