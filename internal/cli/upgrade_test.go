package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"labelgate/internal/control"
)

// changing is a gateway that another takes over from when it is told to.
type changing struct {
	mu       sync.Mutex
	status   control.Status
	upgrade  func()
	refuses  bool
	upgraded bool
}

// Do implements control.Backend.
func (c *changing) Do(_ context.Context, r control.Request) (control.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Verb != control.VerbUpgrade {
		return control.Response{Result: c.status}, nil
	}
	if c.refuses {
		return control.Response{}, control.Errorf(control.CodeFailed, "the program is not there")
	}
	c.upgraded = true
	time.AfterFunc(10*time.Millisecond, c.upgrade)
	return control.Response{Result: control.Upgrade{Version: c.status.Version}}, nil
}

// run serves a gateway on a socket until the function that it returns is called.
func run(t *testing.T, path string, b control.Backend) (stop func()) {
	t.Helper()
	f, err := control.Listen(control.Place{Path: path, GID: -1, Make: true})
	if err != nil {
		t.Fatal(err)
	}
	s := control.NewServer(control.Config{Backend: b, Access: control.Access{Owner: uint32(os.Geteuid())}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, f) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestUpgrade(t *testing.T) {
	before := control.Status{Version: "v1.4.0", State: control.StateJudging, Upgrades: 3}
	for _, tt := range []struct {
		name       string
		after      control.Status
		gone       bool // for a while nobody answers
		refuses    bool
		code       int
		out, err   string
		wait, json string
	}{
		{name: "fine", after: control.Status{Version: "v1.5.0", State: control.StateJudging, Upgrades: 4}, out: "upgraded from v1.4.0 to v1.5.0, judging\n"},
		{name: "with a gap", gone: true, after: control.Status{Version: "v1.5.0", State: control.StateJudging, Upgrades: 4}, out: "upgraded from v1.4.0 to v1.5.0, judging\n"},
		{name: "JSON", json: "--json", after: control.Status{Version: "v1.5.0", State: control.StateJudging, Upgrades: 4}, out: `{"upgraded":true,"from":"v1.4.0","to":"v1.5.0"}` + "\n"},
		{name: "refused", refuses: true, after: before, code: 1, err: "the program is not there"},
		{name: "the same goes on", after: before, wait: "--wait=300ms", code: 1, err: "after 300ms no other program judges packets: version v1.4.0 is judging"},
		{name: "the other does not judge", after: control.Status{Version: "v1.5.0", State: control.StateStarting, Upgrades: 4}, wait: "--wait=300ms", code: 1, err: "version v1.5.0 is starting"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run", "control")
			c := &changing{status: before, refuses: tt.refuses}
			stop := run(t, path, c)
			again := func() {}
			var both sync.WaitGroup
			both.Add(1)
			c.upgrade = func() {
				defer both.Done()
				if tt.gone {
					stop()
					time.Sleep(200 * time.Millisecond)
					again = run(t, path, c)
				}
				c.mu.Lock()
				defer c.mu.Unlock()
				c.status = tt.after
			}
			var out, errs bytes.Buffer
			args := []string{"upgrade", "--socket", path}
			for _, more := range []string{tt.wait, tt.json} {
				if more != "" {
					args = append(args, more)
				}
			}
			code := Run(t.Context(), args, Streams{Out: &out, Err: &errs})
			if code != tt.code || out.String() != tt.out || !strings.Contains(errs.String(), tt.err) || tt.err == "" && errs.Len() > 0 {
				t.Errorf("exit %d, out %q, err %q", code, out.String(), errs.String())
			}
			if c.upgraded {
				both.Wait()
			}
			stop()
			again()
		})
	}
}
