package split_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/queue"
	"labelgate/internal/split"
	"labelgate/test/long"
)

// asJudge is set for the copy of this test binary that is the judge, and says what it
// does.
const asJudge = "LABELGATE_TEST_JUDGE"

func TestMain(m *testing.M) {
	if what := os.Getenv(asJudge); what != "" {
		if err := beJudge(what); err != nil {
			fmt.Fprintln(os.Stderr, "judge:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(long.Main(m, "../..", "split"))
}

// The counters by which a judge tells where it is.
const (
	ready   = split.Spare + iota // 1
	holding                      // packets of a batch that is not answered
)

func beJudge(what string) error {
	b, err := split.Open(os.NewFile(3, "socket"), os.NewFile(4, "packets"), os.NewFile(5, "verdicts"))
	if err != nil {
		return err
	}
	b.Counter(ready).Add(1)
	return b.Serve(context.Background(), served{b, map[string]handlerFunc{
		"accept": accept,
		// slow takes about a millisecond for a full batch, so that it is mostly
		// in one when it is killed.
		"slow": func(b *split.Back, p []queue.Packet, v []queue.Verdict) {
			for i := range p {
				for start := time.Now(); time.Since(start) < 20*time.Microsecond; {
				}
				v[i] = queue.Verdict{Accept: true, Payload: b.Buffers()[i][:copy(b.Buffers()[i], p[i].Payload)]}
			}
		},
		"hold": func(b *split.Back, p []queue.Packet, _ []queue.Verdict) {
			b.Counter(holding).Add(uint64(len(p)))
			select {}
		},
		"write": func(_ *split.Back, p []queue.Packet, _ []queue.Verdict) { p[0].Payload[0]++ },
		"exit":  func(*split.Back, []queue.Packet, []queue.Verdict) { os.Exit(0) },
	}[what]})
}

// judge is a judge in a process of its own.
type judge struct {
	t    testing.TB
	cmd  *exec.Cmd
	link *split.Link
}

// startJudge starts one and attaches it.
func startJudge(t testing.TB, f *split.Front, what string) *judge {
	t.Helper()
	l, err := split.NewLink()
	if err != nil {
		t.Fatal(err)
	}
	j := &judge{t: t, cmd: exec.Command("/proc/self/exe"), link: l}
	j.cmd.Env = append(os.Environ(), asJudge+"="+what)
	if what != "write" { // whose last words are long
		j.cmd.Stderr = os.Stderr
	}
	j.cmd.ExtraFiles = l.Files()
	if err := j.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.kill)
	if err := f.Attach(l); err != nil {
		t.Fatal(err)
	}
	return j
}

func (j *judge) kill() {
	_ = j.cmd.Process.Kill()
	_ = j.cmd.Wait()
}

// await waits for a counter of any judge to reach n.
func await(t testing.TB, f *split.Front, c split.Counter, n uint64) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); f.Counters().Of(c) < n; time.Sleep(200 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatalf("counter %d stays at %d, want %d", c, f.Counters().Of(c), n)
		}
	}
}

// TestDeaths: whatever a judge dies of, its batch is dropped and counted.
func TestDeaths(t *testing.T) {
	tests := []struct {
		name, does string
		end        func(*judge)
		why        error
	}{
		{"killed", "hold", func(j *judge) { j.kill() }, split.ErrGone},
		{"stopped", "hold", func(j *judge) { _ = j.cmd.Process.Signal(unix.SIGSTOP) }, split.ErrHung},
		{"writes into a packet", "write", func(j *judge) { _ = j.cmd.Wait() }, split.ErrGone},
		{"exits", "exit", func(j *judge) { _ = j.cmd.Wait() }, split.ErrGone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l lost
			f := split.NewFront(split.Config{Lost: l.note, Timeout: 2 * time.Second})
			defer f.Close()
			j := startJudge(t, f, tt.does)
			await(t, f, ready, 1)
			packets, verdicts := make([]queue.Packet, 9), make([]queue.Verdict, 9)
			for i := range packets {
				packets[i].Payload = []byte("packet")
			}
			done := make(chan struct{})
			go func() { defer close(done); f.Handle(packets, verdicts) }()
			if tt.does == "hold" {
				await(t, f, holding, 9)
			}
			tt.end(j)
			<-done
			for i, v := range verdicts {
				if v.Accept {
					t.Errorf("packet %d was accepted", i)
				}
			}
			if all := l.list(); len(all) != 1 || all[0].packets != 9 || !errors.Is(all[0].why, tt.why) {
				t.Errorf("lost: %v", all)
			}
			startJudge(t, f, "accept")
			if f.Handle(packets, verdicts); !verdicts[8].Accept {
				t.Error("the successor has not accepted")
			}
			_ = j.cmd.Process.Signal(unix.SIGCONT)
			if f.Handle(packets, verdicts); !verdicts[8].Accept {
				t.Error("the successor has not accepted after the former went on")
			}
		})
	}
}

func stopJudge(j *judge) {
	j.t.Helper()
	if err := j.cmd.Process.Signal(unix.SIGSTOP); err != nil {
		j.t.Fatal(err)
	}
}
