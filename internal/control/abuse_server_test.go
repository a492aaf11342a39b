package control

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/sandbox"
)

// serverOrders say how a server of its own process is.
type serverOrders struct {
	Read        time.Duration // how long it waits for a request
	Descriptors uint64        // how many it may have beside those it has, 0 for any number
	Confined    bool          // as a control process is; what it may not do ends it
}

// serverReport is what it has seen.
type serverReport struct {
	Admin       map[uint32]int // admin verbs carried out, by user
	Queries     map[uint32]int
	Refusals    uint64 // told and held back
	Calls       Calls
	Goroutines  int // beyond those at the start
	Descriptors int // the same
	Trouble     []string
	Confined    string
}

// serveAlone is a process that serves descriptor 3 until its standard input ends.
func serveAlone() error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var orders serverOrders
	if err := json.Unmarshal(line, &orders); err != nil {
		return err
	}
	if orders.Descriptors > 0 {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return err
		}
		n := uint64(len(open)) + orders.Descriptors
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: n}); err != nil {
			return err
		}
	}
	r := serverReport{Admin: map[uint32]int{}, Queries: map[uint32]int{}}
	var mu sync.Mutex
	s := NewServer(Config{
		Version: "v1", Access: testAccess(),
		Backend: do(func(_ context.Context, q Request) (Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if v, _ := Lookup(q.Verb); v.Class == Admin {
				r.Admin[q.UID]++
				return Response{Result: Reload{}}, nil
			}
			r.Queries[q.UID]++
			return Response{Result: Status{Version: strings.Repeat("v", 10000)}}, nil
		}),
		Audit: func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			switch e.Kind {
			case EventRefused:
				r.Refusals++
			case EventSuppressed:
				r.Refusals += e.Count
			case EventTrouble:
				r.Trouble = append(r.Trouble, e.Message)
			}
		},
	})
	if orders.Read > 0 {
		s.times.read = orders.Read
	}
	if orders.Confined {
		state, err := sandbox.Apply(sandbox.Profile{Role: sandbox.Control})
		if err != nil {
			return err
		}
		r.Confined = state.String()
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		io.Copy(io.Discard, in)
		stop()
	}()
	goroutines := runtime.NumGoroutine()
	if err := s.Serve(ctx, os.NewFile(3, "control")); err != nil {
		return err
	}
	r.Calls = s.Calls()
	r.Goroutines = runtime.NumGoroutine() - goroutines
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		r.Descriptors = len(open)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

type do func(context.Context, Request) (Response, error)

func (f do) Do(ctx context.Context, r Request) (Response, error) { return f(ctx, r) }
