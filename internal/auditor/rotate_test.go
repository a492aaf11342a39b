package auditor

import (
	"fmt"
	"os"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/auditor/trail"
	"labelgate/test/long"
)

// A thousand records a second and more, while files are changed all the time.
func TestRotateSize(t *testing.T) {
	r := newRig(t)
	r.config.RotateSize, r.config.SealRecords = 20<<10, 100
	n := long.Count(10000, 1000000)
	begun := time.Now()
	r.start()
	r.hand(0, n, 32)
	r.mustStop()
	rate := float64(n) / time.Since(begun).Seconds()
	all := r.records()
	r.complete(all, n)
	files := r.files()
	for i, header := range only(all, audit.EventRotated) {
		if header.File != uint64(i+1) || i > 0 && header.Reason != trail.FileSize {
			t.Fatalf("header %d is %+v", i, header)
		}
	}
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 || info.Size() > 20<<10+32*600 {
			t.Errorf("%s: %v %v", path, info, err)
		}
	}
	long.Report(t,
		figure("rotation/rate", int(rate), "records/s").AtLeast(1000),
		figure("rotation/files", len(files), "files").AtLeast(50),
		figure("rotation/lost", n-len(only(all, audit.EventDecision)), "records").AtMost(0),
	)
}

// As many closed files as asked for stay, and the records tell of those that go.
func TestRotateKeep(t *testing.T) {
	r := newRig(t)
	r.config.RotateSize, r.config.RotateKeep = 5<<10, 3
	r.start()
	r.hand(0, 500, 10)
	r.mustStop()
	files := r.files()
	if len(files) != 4 {
		t.Fatalf("%d files: %v", len(files), files)
	}
	report := r.verify()
	if report.First == 1 || len(report.Notes) == 0 {
		t.Errorf("report is %+v", report)
	}
	// A file that somebody else removed is missed.
	if _, err := trail.Verify(files[2:], trail.Options{}); err == nil {
		t.Error("the oldest file is not missed")
	}
	if _, err := trail.Verify(files[2:], trail.Options{SinceSeal: true}); err != nil {
		t.Errorf("since the last seal: %v", err)
	}
}

// What is not sealed is not removed.
func TestRotateKeepsUnsealed(t *testing.T) {
	r := newRig(t)
	r.config.RotateSize = 5 << 10
	r.config.KeyFile = ""
	r.start()
	r.hand(0, 40, 10)
	r.mustStop()
	old := r.path("audit.log.000001")
	b, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, b[:len(b)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	r.config.RotateKeep = 1
	r.start()
	r.hand(40, 200, 10)
	r.mustStop()
	if _, err := os.Stat(old); err != nil {
		t.Error(err)
	}
	if len(r.files()) != 3 {
		t.Errorf("files are %v", r.files())
	}
}

func TestRotateAsked(t *testing.T) {
	r := newRig(t)
	rotate := make(chan struct{})
	r.config.Rotate = rotate
	r.start()
	for i := range 5 {
		r.hand(i*10, i*10+10, 10)
		rotate <- struct{}{}
		r.eventually("a new file", func() bool { return len(r.files()) == i+2 })
	}
	r.mustStop()
	r.complete(r.records(), 50)
}

// No new file can be begun: the old one goes on, and says so once.
func TestRotateStuck(t *testing.T) {
	r := newRig(t)
	r.config.RotateSize = 2 << 10
	r.start()
	r.eventually("a file", func() bool { return r.auditor.Status().Files == 1 })
	// A directory stands where the next file would.
	if err := os.Mkdir(r.path(".audit.log.next"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.hand(0, 50, 10)
	r.drained(5)
	if n := len(r.files()); n != 1 {
		t.Errorf("%d files", n)
	}
	if err := os.Remove(r.path(".audit.log.next")); err != nil {
		t.Fatal(err)
	}
	r.eventually("another file", func() bool { return len(r.files()) == 2 })
	r.mustStop()
	all := r.records()
	r.complete(all, 50)
	if got := only(all, audit.EventAuditDegraded); len(got) != 1 || got[0].Process != audit.ProcessAuditor {
		t.Errorf("told %s", shown(got))
	}
}

// A file for each interval of the monotonic clock, whatever the wall clock does.
func TestRotateAge(t *testing.T) {
	for _, tt := range []struct {
		name string
		jump func(i int) time.Duration // of the wall clock
	}{
		{"steady", func(int) time.Duration { return 0 }},
		{"ten years ahead", func(i int) time.Duration { return 3652 * 24 * time.Hour * time.Duration(i%2) }},
		{"ten years back", func(i int) time.Duration { return -3652 * 24 * time.Hour * time.Duration(i%2) }},
		{"back every second", func(i int) time.Duration { return -time.Duration(i) * 3 * time.Second }},
		{"leap second", func(i int) time.Duration { return -time.Duration(i/20) * time.Second }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			f := newFakeClock()
			r.config.Now, r.config.RotateAge, r.config.Sync = f.Now, 10*time.Second, SyncNever
			r.pipe = audit.NewPipe(int(r.producer.Fd()), audit.PipeOptions{Now: f.Now})
			r.start()
			jumps := 0
			for i := range 40 {
				if f.set(time.Duration(i)*time.Second, tt.jump(i)) {
					jumps++
				}
				r.hand(i, i+1, 1)
				r.drained(uint64(i + 1))
			}
			r.mustStop()
			all := r.records()
			r.complete(all, 40)
			if n := len(r.files()); n != 4 {
				t.Errorf("%d files in 40 s", n)
			}
			if n := len(only(all, audit.EventClock)); n != jumps {
				t.Errorf("%d jumps on record, want %d", n, jumps)
			}
			for i := 1; i < len(all); i++ {
				if all[i].Event == audit.EventDecision && all[i].Mono < all[i-1].Mono {
					t.Errorf("record %d is older than the one before", all[i].Seq)
				}
			}
			t.Log(fmt.Sprint(jumps, " jumps"))
		})
	}
}
