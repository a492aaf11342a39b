package auditor

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/test/long"
)

// failing is a disk that takes a part of what it is given, or nothing.
type failing struct {
	io.Writer
	random *rand.Rand
	broken *atomic.Bool
	errs   []error
}

func (f *failing) Write(b []byte) (int, error) {
	if !f.broken.Load() || f.random.IntN(2) == 0 {
		return f.Writer.Write(b)
	}
	n := 0
	if f.random.IntN(2) == 0 {
		n = f.random.IntN(len(b) + 1)
	}
	if n, err := f.Writer.Write(b[:n]); err != nil {
		return n, err
	}
	return n, f.errs[f.random.IntN(len(f.errs))]
}

// A disk that fails in every way loses nothing, and gets nothing twice.
func TestFailingDisk(t *testing.T) {
	for _, tt := range []struct {
		name string
		errs []error
	}{
		{"EIO", []error{unix.EIO}}, {"ENOSPC", []error{unix.ENOSPC}}, {"EDQUOT, EINTR, EAGAIN", []error{unix.EDQUOT, unix.EINTR, unix.EAGAIN}},
		{"short-writes", []error{nil}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			var broken atomic.Bool
			broken.Store(true)
			random := rand.New(rand.NewPCG(1, 2))
			r.config.wrap = func(w io.Writer) io.Writer { return &failing{w, random, &broken, tt.errs} }
			r.config.RotateSize, r.config.SealRecords, r.config.Patience = 4<<10, 20, time.Minute
			r.start()
			r.hand(0, 60, 10)
			r.drained(6)
			broken.Store(false)
			r.hand(60, 70, 10)
			r.mustStop()
			all := r.records()
			r.complete(all, 70)
			told := only(all, audit.EventAuditRecovered)
			status := r.auditor.Status()
			if len(told) == 0 || told[0].Process != audit.ProcessAuditor || told[0].Reason != audit.ReasonOutput {
				t.Errorf("told %s", shown(told))
			}
			if status.Retries == 0 || status.LastError == "" || status.BlockedSince != 0 || status.Seq != all[len(all)-1].Seq {
				t.Errorf("status %+v", status)
			}
			long.Report(t, figure("disk/"+strings.ReplaceAll(tt.name, ", ", "+")+"/lost", 70-len(only(all, audit.EventDecision)), "records").AtMost(0))
		})
	}
}

// A disk that never recovers does not hold the end up for ever, and what was not
// written is still in the socket.
func TestDeadDisk(t *testing.T) {
	r := newRig(t)
	r.config.wrap = func(io.Writer) io.Writer { return deadDisk{} }
	r.config.Patience = 10 * time.Millisecond
	r.hand(0, 5, 5)
	r.start()
	r.eventually("an error", func() bool { return r.auditor.Status().Retries > 0 })
	if s := r.auditor.Status(); s.BlockedSince == 0 || !strings.Contains(s.LastError, "input/output error") {
		t.Errorf("status %+v", s)
	}
	if err := r.stop(); !errors.Is(err, unix.EIO) {
		t.Errorf("ended with %v", err)
	}
	r.config.wrap = nil
	r.start()
	r.mustStop()
	r.complete(r.records(), 5)
}

type deadDisk struct{}

func (deadDisk) Write([]byte) (int, error) { return 0, unix.EIO }

// A write that hangs is waited for, and the socket fills meanwhile: who sends finds
// out, and what it gives up is owned up to. Nothing else is lost.
func TestHangingWriter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.buffer(64 << 10)
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	beats := make(chan Status, 100)
	r.config.Output, r.config.KeyFile, r.config.Stdout = Stdout, "", in
	r.config.Heartbeat = func(s Status) {
		select {
		case beats <- s:
		default:
		}
	}
	r.start()
	handed, full := 0, 0
	for begun := time.Now(); time.Since(begun) < 5*time.Second; time.Sleep(time.Millisecond) {
		for range 10 {
			r.pipe.Add(record(handed))
			handed++
		}
		if err := r.pipe.Flush(); errors.Is(err, audit.ErrFull) {
			full += r.pipe.Discard()
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if full == 0 || r.auditor.Status().BlockedSince == 0 {
		t.Fatalf("%d given up, status %+v", full, r.auditor.Status())
	}
	blocked := false
	for range len(beats) {
		blocked = blocked || (<-beats).BlockedSince != 0
	}
	if !blocked {
		t.Error("no heartbeat while the writer hangs")
	}
	read := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(out)
		read <- b
	}()
	r.flush()
	r.mustStop()
	in.Close()
	var written, gone int
	for i, line := range strings.Split(strings.TrimSpace(string(<-read)), "\n") {
		record, err := audit.ParseText(line)
		if err != nil || record.Seq != uint64(i+1) {
			t.Fatalf("line %d: %q: %v", i+1, line, err)
		}
		switch record.Event {
		case audit.EventDecision:
			written++
		case audit.EventAuditRecovered:
			gone += int(record.Count)
		}
	}
	long.Report(t,
		figure("hanging/decisions", handed, "decisions").AtLeast(1000),
		figure("hanging/unaccounted", handed-written-gone, "decisions").AtMost(0),
	)
}

// A writer that hangs when the auditor is to end is left behind.
func TestHangingEnd(t *testing.T) {
	r := newRig(t)
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	defer in.Close()
	r.config.Output, r.config.KeyFile, r.config.Stdout, r.config.Patience = Stdout, "", in, 10*time.Millisecond
	r.start()
	r.hand(0, 1000, 50)
	r.eventually("a write that hangs", func() bool { return r.auditor.Status().Datagrams > 0 && r.auditor.Status().BlockedSince != 0 })
	if err := r.stop(); !errors.Is(err, ErrStuck) {
		t.Errorf("ended with %v", err)
	}
}

// insideVariable says that the test binary runs in a mount namespace of its own.
const insideVariable = "LABELGATE_TEST_INSIDE"

// inside runs the test that calls it once more in a mount namespace of its own. It
// reports whether this is that run.
func inside(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVariable) == t.Name() {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	printed, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer printed.Close()
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), insideVariable+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	cmd.Stdout, cmd.Stderr = printed, printed
	err = cmd.Run()
	b, _ := os.ReadFile(printed.Name())
	t.Logf("%s", b)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)figure (\S+) (-?\d+) (\S+) at most (-?\d+)$`).FindAllStringSubmatch(string(b), -1) {
		value, _ := strconv.Atoi(m[2])
		bar, _ := strconv.Atoi(m[4])
		long.Report(t, figure(m[1], value, m[3]).AtMost(float64(bar)))
	}
	return false
}

// say prints a figure of a test that runs inside.
func say(t *testing.T, id string, value int, unit string, bar int) {
	t.Logf("figure %s %d %s at most %d", id, value, unit, bar)
}

// A disk that is really full: traffic finds out at once, nothing is lost, and all
// goes on when there is room.
func TestFullDisk(t *testing.T) {
	if !inside(t) {
		return
	}
	r := newRig(t)
	r.buffer(64 << 10)
	if err := unix.Mount("tmpfs", r.dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(r.dir, unix.MNT_DETACH)
	r.config.KeyFile = ""
	ballast := filepath.Join(r.dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 100<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	r.config.SealRecords = 100
	r.start()
	handed, gone := 0, 0
	for gone == 0 {
		for range 10 {
			r.pipe.Add(record(handed))
			handed++
		}
		if err := r.pipe.Flush(); errors.Is(err, audit.ErrFull) {
			gone += r.pipe.Discard()
		} else if err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Microsecond)
	}
	if s := r.auditor.Status(); s.BlockedSince == 0 || !strings.Contains(s.LastError, "no space left") {
		t.Fatalf("status %+v", s)
	}
	// Being full, it says so at once.
	begun := time.Now()
	r.pipe.Add(record(handed))
	handed++
	if err := r.pipe.Flush(); !errors.Is(err, audit.ErrFull) {
		t.Fatal(err)
	}
	told := time.Since(begun)
	gone += r.pipe.Discard()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	r.flush()
	r.mustStop()
	all := r.records()
	recovered := only(all, audit.EventAuditRecovered)
	var count uint64
	for _, record := range recovered {
		count += record.Count
	}
	if len(recovered) != 2 {
		t.Errorf("told %s", shown(recovered))
	}
	written := len(only(all, audit.EventDecision))
	t.Logf("%d handed over, %d written, %d given up", handed, written, gone)
	if written+int(count) != handed || int(count) != gone {
		t.Errorf("%d records and %d owned up to, of %d", written, count, handed)
	}
	say(t, "full-disk/unaccounted", handed-written-int(count), "decisions", 0)
	say(t, "full-disk/told", int(told.Milliseconds()), "ms", 1000)
}

// With no descriptor left files are changed all the same.
func TestNoDescriptors(t *testing.T) {
	r := newRig(t)
	cmd := r.spawn(childConfig{RotateSize: 4 << 10, RotateKeep: 3, Descriptors: 64, SealRecords: 10})
	r.hand(0, 300, 10)
	r.end(cmd)
	all := r.records()
	i := 0
	for _, record := range only(all, audit.EventDecision) {
		i = int(record.Generation)
	}
	if n := len(r.files()); i != 300 || n != 4 {
		t.Errorf("last decision %d, %d files", i, n)
	}
	if got := only(all, audit.EventAuditDegraded); len(got) > 0 {
		t.Errorf("told %s", shown(got))
	}
}
