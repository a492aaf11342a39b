package sandbox

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"testing"
	"time"
)

// allRoles with what each is given besides.
func allRoles(t *testing.T) []task {
	keeper := Profile{Role: Keeper, Must: true, Execute: []string{executable(t)}}
	single := keeper
	single.Role = Single
	return []task{
		{Enter: &keeper}, {Enter: &single},
		{Apply: &Profile{Role: Judge, Must: true}},
		{Apply: &Profile{Role: Auditor, Must: true}},
		{Apply: &Profile{Role: Control, Must: true}},
	}
}

func (t task) role() Role {
	if t.Enter != nil {
		return t.Enter.Role
	}
	return t.Apply.Role
}

// TestRuntime: what Go does by itself goes on in every role: collecting garbage,
// making threads and ending them, timers, signals, going on after a stop.
func TestRuntime(t *testing.T) {
	needRoot(t)
	for _, k := range allRoles(t) {
		t.Run(k.role().String(), func(t *testing.T) {
			t.Parallel()
			k.Do = "live"
			cmd := k.command(t)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			cmd.ExtraFiles = []*os.File{w}
			go func() {
				defer in.Close()
				up := bufio.NewScanner(r)
				for up.Scan() && up.Text() == "up" {
					for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT, syscall.SIGSTOP, syscall.SIGCONT, syscall.SIGHUP} {
						cmd.Process.Signal(s)
						time.Sleep(30 * time.Millisecond)
					}
					return
				}
			}()
			o := finish(t, cmd)
			w.Close()
			o.ok(t)
		})
	}
}

// live makes the runtime do what it does in a long life.
func live(task) (func() error, error) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	return func() error {
		// Stopped while threads sleep in every way that they have.
		if _, err := os.NewFile(3, "up").WriteString("up\n"); err != nil {
			return err
		}
		select {
		case <-hangup:
		case <-time.After(patience / 2):
			return fmt.Errorf("no signal came")
		}
		begin := time.Now()
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				if i%20 == 0 {
					runtime.LockOSThread() // ends with the goroutine, and its thread with it
				}
				var kept [][]byte
				for j := range 20 {
					kept = append(kept, make([]byte, 16<<10))
					kept[len(kept)-1][j] = 1
					time.Sleep(time.Duration(j%5) * time.Millisecond)
				}
				runtime.KeepAlive(kept)
			})
		}
		all.Wait()
		large := make([]byte, 96<<20) // more memory than it ever had
		for i := 0; i < len(large); i += 4096 {
			large[i] = 1
		}
		runtime.KeepAlive(large)
		large = nil
		debug.FreeOSMemory()
		debug.SetMemoryLimit(32 << 20)
		for range 50 {
			_ = make([]byte, 1<<20)
		}
		runtime.GC()
		// The runtime looks every second, and no more often than that, how many
		// processors there are.
		time.Sleep(time.Until(begin.Add(2500 * time.Millisecond)))
		if zone, _ := time.Now().Local().Zone(); zone == "" {
			return fmt.Errorf("no time zone")
		}
		return nil
	}, nil
}
