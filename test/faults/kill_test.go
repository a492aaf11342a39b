package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/test/figures"
	"labelgate/test/gate"
	"labelgate/test/long"
)

// faultRate is the load in packets per second while something is broken.
const faultRate = 10_000

// TestKilled: whoever ends the gateway, at whatever moment and however, closes it.
func TestKilled(t *testing.T) {
	seed := long.Seed(t, 2)
	k := &killing{perimeter: allKinds(t, seed), random: rand.New(rand.NewPCG(seed, 2))}
	k.load.Start(faultRate)
	t.Run("killed", k.killed)
	t.Run("stopped", k.stopped)
	t.Run("out of memory", k.outOfMemory)
	k.load.Stop()
	k.settle(t)
	v := k.judge(t)
	k.passes(t)
	k.closed(t, "killed", v)
}

// killing is a perimeter whose gateway is ended again and again.
type killing struct {
	*perimeter
	random *rand.Rand
	failed int // starts that ended by themselves
}

// start starts the gateway, once more where it does not come up, until it is ready.
func (k *killing) start(t *testing.T) {
	t.Helper()
	before := k.Count("READY=1")
	k.Start(t)
	k.alive(t, before)
}

// alive waits until the gateway is ready. One that ends by itself is started again,
// as a service manager would: what the one before has left may be in its way for a
// moment.
func (k *killing) alive(t *testing.T, before int) {
	t.Helper()
	if !gate.Eventually(func() bool {
		select {
		case <-k.Service().Exited():
			k.failed++
			time.Sleep(100 * time.Millisecond)
			k.Start(t)
		default:
		}
		return k.Await("READY=1", before, 20*time.Millisecond)
	}) {
		t.Fatalf("not ready\n%s", k.Tail(12))
	}
}

func (k *killing) pause(most int) {
	time.Sleep(time.Duration(k.random.IntN(most)) * time.Millisecond)
}

// killed kills the gateway: one time in four while it starts.
func (k *killing) killed(t *testing.T) {
	n := 0
	var killed []time.Time // and then started without a disturbance
	before := 0
	for i := range long.Rounds(200, 10_000, 0.2) {
		if i%4 == 0 {
			k.pause(60)
		} else {
			k.alive(t, before)
			k.pause(60)
			killed = append(killed, time.Now())
		}
		k.Service().Kill(t)
		if i%500 == 499 {
			k.forgetRecords(t)
		}
		if i%4 == 3 {
			killed = killed[:max(0, len(killed)-1)] // the next is killed while it starts
		}
		before = k.Count("READY=1")
		k.Start(t)
		n++
	}
	k.alive(t, before)
	var back gate.Histogram
	for _, at := range killed {
		if first, ok := k.sniffer("tess").Times().First(at.Add(5 * time.Millisecond)); ok {
			back.Add(int64(first.Sub(at)))
		}
	}
	long.Report(t,
		figures.Figure{ID: "faults/killed/kills", Value: float64(n), Unit: "kills"}.AtLeast(200),
		figures.Figure{ID: "faults/killed/failed-starts", Value: float64(k.failed), Unit: "starts", Against: "that ended by themselves"},
		figures.Figure{ID: "faults/killed/back", Value: float64(back.Quantile(0.5).Milliseconds()), Unit: "ms", Against: "median from the kill to the first packet that passes again"},
		figures.Figure{ID: "faults/killed/back-longest", Value: float64(back.Longest().Milliseconds()), Unit: "ms"},
	)
}

// stopped holds the gateway up and lets it go on.
func (k *killing) stopped(t *testing.T) {
	n := 0
	for range long.Rounds(50, 2_500, 0.05) {
		v := k.Service()
		v.Signal(t, syscall.SIGSTOP)
		k.pause(80)
		v.Signal(t, syscall.SIGCONT)
		k.pause(40)
		n++
	}
	long.Report(t, figures.Figure{ID: "faults/killed/stops", Value: float64(n), Unit: "stops"}.AtLeast(50))
}

// outOfMemory has the gateway load a large policy while one of its processes may not
// have more memory than it has: in turn the one that reads it and the one that
// judges by it.
func (k *killing) outOfMemory(t *testing.T) {
	var large strings.Builder
	large.WriteString(ruleTable)
	for i := range 200_000 {
		fmt.Fprintf(&large, "S%d O%d r\n", i/500, i%500)
	}
	ended, n := 0, 0
	for i := range long.Rounds(20, 1_000, 0.05) {
		v, role := k.Service(), [...]string{gate.Keeper, "judge"}[i%2]
		pid, ok := k.member(role)
		if !ok {
			t.Fatalf("there is no %s\n%s", role, k.Tail(12))
		}
		has, err := gate.Data(pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := gate.Limit(pid, unix.RLIMIT_DATA, uint64(has+k.random.IntN(2<<20))); err != nil {
			t.Fatal(err)
		}
		k.Write(t, map[string]string{rulesFile: large.String()})
		v.Signal(t, syscall.SIGHUP)
		for begun := time.Now(); time.Since(begun) < 2*time.Second; time.Sleep(5 * time.Millisecond) {
			if v.Role(role) != pid {
				ended++
				break
			}
		}
		k.Write(t, map[string]string{rulesFile: ruleTable})
		if role == gate.Keeper || v.Ended() != gate.Running {
			v.Kill(t) // it may get along with what it has
			k.start(t)
		} else {
			v.Reload(t)
		}
		n++
	}
	long.Report(t,
		figures.Figure{ID: "faults/killed/limits", Value: float64(n), Unit: "limits"}.AtLeast(20),
		figures.Figure{ID: "faults/killed/out-of-memory", Value: float64(ended), Unit: "ends"}.AtLeast(float64(n/2)),
	)
}
