package sandbox

import (
	"encoding/binary"
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
	zone := timeZone(t)
	for _, k := range allRoles(t) {
		t.Run(k.role().String(), func(t *testing.T) {
			t.Parallel()
			k.Do = "live"
			if k.Enter != nil {
				// Others have it from before they were confined, as machines
				// where it is in its usual place.
				k.Enter.Read = []string{zone}
			}
			cmd := k.command(t)
			cmd.Env = append(cmd.Env, "TZ="+zone)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			cmd.ExtraFiles = []*os.File{w}
			go func() {
				if _, err := r.Read(make([]byte, 1)); err != nil {
					return
				}
				for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT, syscall.SIGSTOP, syscall.SIGCONT, syscall.SIGHUP} {
					cmd.Process.Signal(s)
					time.Sleep(30 * time.Millisecond)
				}
			}()
			o := finish(t, cmd)
			w.Close()
			o.ok(t)
		})
	}
}

// timeZone makes the file of a zone of its own.
func timeZone(t *testing.T) string {
	t.Helper()
	b := append([]byte("TZif"), make([]byte, 16)...)
	for _, count := range []uint32{0, 0, 0, 0, 1, 5} { // one kind of time, five letters
		b = binary.BigEndian.AppendUint32(b, count)
	}
	b = append(binary.BigEndian.AppendUint32(b, 3600), 0, 0)
	name := t.TempDir() + "/zone"
	write(t, name, string(append(b, "HERE\x00"...)))
	return name
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
		if zone, _ := time.Now().Zone(); zone != "HERE" {
			return fmt.Errorf("time zone %q", zone)
		}
		return nil
	}, nil
}
