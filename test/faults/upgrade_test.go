package faults

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"labelgate/test/figures"
	"labelgate/test/gate"
	"labelgate/test/long"
)

// TestUpgrade exchanges the program of a gateway that works (SIGUSR2): not one packet
// is lost for that. What is no program, or none that comes up, is not taken.
func TestUpgrade(t *testing.T) {
	needSite(t)
	next, err := gate.Build(t.TempDir(), "-ldflags", "-X labelgate/internal/version.Version=next")
	if err != nil {
		t.Fatal(err)
	}
	p := newSite(t, hosts)
	live := filepath.Join(p.Directory, "labelgated")
	install(t, program, live)
	p.Program = live
	p.Write(t, roomy())
	p.Manager.Run(t)
	p.watch(t, long.Seed(t, 10), permitted()[:5]...)
	pid := p.Service().PID()
	p.load.Start(faultRate)
	var took gate.Histogram
	upgrades := 0
	for i := range long.Rounds(20, 1_000, 0.05) {
		time.Sleep(50 * time.Millisecond)
		install(t, [...]string{next, program}[i%2], live)
		before, begun := p.Count("READY=1"), time.Now()
		p.Service().Signal(t, syscall.SIGUSR2)
		if !p.Await("READY=1", before, gate.Patience) {
			t.Fatalf("not ready again\n%s", p.Tail(12))
		}
		took.Add(int64(time.Since(begun)))
		if p.Service().PID() != pid || !runs(t, pid, live) {
			t.Fatalf("it does not run what was installed\n%s", p.Tail(12))
		}
		upgrades++
	}
	refused := p.refuseBroken(t, pid, live)
	p.load.Stop()
	p.settle(t)
	p.records.Read(t)
	v := p.judge(t)
	p.table(t, v)
	delivered := uint64(0)
	for _, n := range v.Delivered {
		delivered += n
	}
	sent := p.load.Total()
	long.Report(t,
		figures.Figure{ID: "faults/upgrade/upgrades", Value: float64(upgrades), Unit: "upgrades"}.AtLeast(20),
		figures.Figure{ID: "faults/upgrade/took", Value: float64(took.Quantile(0.5).Milliseconds()), Unit: "ms"},
		figures.Figure{ID: "faults/upgrade/sent", Value: float64(sent), Unit: "packets"}.AtLeast(float64(upgrades)*500),
		figures.Figure{ID: "faults/upgrade/lost", Value: float64(sent - delivered), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "faults/upgrade/with-other-options", Value: float64(v.Wrong.Count + v.Leaked.Count), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "faults/upgrade/latency", Value: float64(v.Latency.Longest().Milliseconds()), Unit: "ms", Against: "longest of a packet"},
		figures.Figure{ID: "faults/upgrade/broken-refused", Value: float64(refused), Unit: "programs"}.AtLeast(float64(len(brokenPrograms))),
	)
}

// roomy are the perimeter's files with a queue in which packets can wait for some
// seconds, so that a slow machine does not lose them.
func roomy() map[string]string {
	f := files()
	f[gate.Settings] += "\n[queue]\nlength = 32768\n"
	return f
}

// brokenPrograms are files that are no labelgated, by what is wrong with them.
var brokenPrograms = []struct {
	name string
	make func(t *testing.T, path string)
}{
	{"no program", func(t *testing.T, path string) { replace(t, path, strings.NewReader("no program\n"), 0o755) }},
	{"not to be executed", func(t *testing.T, path string) { replace(t, path, open(t, program), 0o644) }},
	{"cut off", func(t *testing.T, path string) { replace(t, path, io.LimitReader(open(t, program), 1<<20), 0o755) }},
	{"another program", func(t *testing.T, path string) { replace(t, path, open(t, "/bin/false"), 0o755) }},
	{"nothing", func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}},
}

// refuseBroken puts programs in place that are of no use, and returns how many were
// not taken.
func (p *perimeter) refuseBroken(t *testing.T, pid int, live string) (refused int) {
	t.Helper()
	before, err := os.Stat(exe(pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range brokenPrograms {
		b.make(t, live)
		said := strings.Count(p.Tail(1<<20), "level=ERROR")
		p.Service().Signal(t, syscall.SIGUSR2)
		if !gate.Eventually(func() bool { return strings.Count(p.Tail(1<<20), "level=ERROR") > said }) {
			t.Errorf("%s: nothing was said", b.name)
		}
		after, err := os.Stat(exe(pid))
		if err != nil || !os.SameFile(before, after) {
			t.Fatalf("%s: the program before does not run any more\n%s", b.name, p.Tail(12))
		}
		p.passesSome(t)
		refused++
	}
	install(t, program, live)
	return refused
}

func exe(pid int) string { return filepath.Join("/proc", strconv.Itoa(pid), "exe") }

// runs reports whether a process runs the very file that is at a path.
func runs(t *testing.T, pid int, path string) bool {
	t.Helper()
	a, err := os.Stat(exe(pid))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(a, b)
}

// install puts a copy of a program at a path, in place of what is there.
func install(t *testing.T, from, path string) { replace(t, path, open(t, from), 0o755) }

func open(t *testing.T, path string) io.Reader {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func replace(t *testing.T, path string, content io.Reader, mode os.FileMode) {
	t.Helper()
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err == nil {
		_, err = io.Copy(f, content)
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCrash kills the process that owns the queue while a service manager keeps the
// queue's descriptor for it: packets wait, and only those are lost that were being
// judged.
func TestCrash(t *testing.T) {
	p := newSite(t, hosts)
	p.Write(t, roomy())
	p.Manager.Run(t)
	p.watch(t, long.Seed(t, 11), permitted()[:5]...)
	if !gate.Eventually(func() bool { return len(p.Stored()) > 0 }) {
		t.Fatal("nothing was given to the service manager to keep")
	}
	p.load.Start(faultRate)
	crashes := 0
	var killed []time.Time
	for range long.Rounds(10, 500, 0.02) {
		time.Sleep(300 * time.Millisecond)
		before := p.Count("READY=1")
		killed = append(killed, time.Now())
		p.Service().Kill(t)
		p.Manager.Start(t)
		if !p.Await("READY=1", before, gate.Patience) {
			t.Fatalf("not ready again\n%s", p.Tail(12))
		}
		crashes++
	}
	time.Sleep(300 * time.Millisecond)
	p.load.Stop()
	p.settle(t)
	p.records.Read(t)
	v := p.judge(t)
	p.table(t, v)
	var back gate.Histogram
	for _, at := range killed {
		if first, ok := p.sniffer("tess").Times().First(at.Add(3 * time.Millisecond)); ok {
			back.Add(int64(first.Sub(at)))
		}
	}
	delivered := uint64(0)
	for _, n := range v.Delivered {
		delivered += n
	}
	lost := p.load.Total() - delivered
	long.Report(t,
		figures.Figure{ID: "faults/crash/crashes", Value: float64(crashes), Unit: "crashes"}.AtLeast(10),
		figures.Figure{ID: "faults/crash/lost", Value: float64(lost) / float64(crashes), Unit: "packets/crash"}.AtMost(inFlight),
		figures.Figure{ID: "faults/crash/back", Value: float64(back.Quantile(0.5).Milliseconds()), Unit: "ms", Against: "median until something passes again"}.AtMost(500),
		figures.Figure{ID: "faults/crash/back-longest", Value: float64(back.Longest().Milliseconds()), Unit: "ms"},
		figures.Figure{ID: "faults/crash/with-other-options", Value: float64(v.Wrong.Count + v.Leaked.Count), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "faults/crash/twice", Value: float64(v.Twice.Count), Unit: "packets"}.AtMost(0),
	)
}

// inFlight is how many packets a gateway may have taken from the kernel and not
// answered: a batch of datagrams that are read at once.
const inFlight = 64
