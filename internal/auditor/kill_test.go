package auditor

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/test/long"
)

// An auditor that is killed again and again, in the middle of writing, sealing and
// changing files, loses nothing and writes nothing twice.
func TestKilled(t *testing.T) {
	r := newRig(t)
	random := rand.New(rand.NewPCG(1, long.Seed(t, 20)))
	var outstanding atomic.Uint64
	r.pipe = audit.NewPipe(int(r.producer.Fd()), audit.PipeOptions{Outstanding: &outstanding})
	limiter := audit.NewLimiter(audit.LimiterOptions{PerSecond: 2000, Burst: 100, Outstanding: &outstanding})
	clock := audit.NewClock()

	// The producer runs all the time: some thousand decisions a second, of which a
	// part is suppressed.
	stop, stopped := make(chan struct{}), make(chan struct{})
	var handed, full, batches uint64
	go func() {
		defer close(stopped)
		for ticker := time.NewTicker(2 * time.Millisecond); ; {
			select {
			case <-stop:
				ticker.Stop()
				limiter.Drain(r.pipe)
				return
			case <-ticker.C:
			}
			_, mono := clock.Now()
			for range 1 + handed%16 {
				if limiter.Allow(audit.LimitKey{Reason: "no-rule"}, mono) {
					r.pipe.Add(record(int(handed)))
				}
				handed++
			}
			limiter.Expire(mono, r.pipe)
			batches++
			if err := r.pipe.Flush(); errors.Is(err, audit.ErrFull) {
				full++
				r.pipe.Discard()
			} else if err != nil {
				t.Error(err)
				return
			}
		}
	}()
	begun := time.Now()
	kills := long.Count(100, 2000)
	c := childConfig{SealRecords: 50, RotateSize: 30 << 10}
	for i := range kills {
		if i%2 == 0 {
			// At any time.
			cmd := r.spawn(c)
			time.Sleep(time.Duration(10+random.IntN(60)) * time.Millisecond)
			r.kill(cmd)
			continue
		}
		// Inside a write, or between it and taking the datagram out of the socket.
		dying := c
		dying.DieAt, dying.DiePart = 1+random.IntN(8), random.Float64()
		if i%4 == 1 {
			dying.DiePart = 1
		}
		if err := r.spawn(dying).Wait(); err == nil {
			t.Fatal("the auditor did not die")
		}
	}
	lasted := time.Since(begun)
	close(stop)
	<-stopped
	rate := float64(handed) / lasted.Seconds()
	r.flush()
	cmd := r.spawn(c)
	r.end(cmd)
	all := r.records()
	var suppressed, gone, written uint64
	last := -1
	for _, record := range all {
		switch record.Event {
		case audit.EventDecision:
			written++
			if int(record.Generation) <= last {
				t.Fatalf("decision %d stands behind %d", record.Generation, last)
			}
			last = int(record.Generation)
		case audit.EventSuppressed:
			suppressed += record.Count
		case audit.EventAuditRecovered:
			gone += record.Count
		}
	}
	t.Logf("%d kills, %d decisions (%.0f/s) in %d batches, %d full; %d records, %d suppressed, %d given up; %d records in %d files, %d torn",
		kills, handed, rate, batches, full, written, suppressed, gone, len(all), len(r.files()), len(only(all, audit.EventRecovered)))
	long.Report(t,
		figure("kills", kills, "kills").AtLeast(100),
		figure("kills/decisions", int(handed), "decisions").AtLeast(1000),
		figure("kills/rate", int(rate), "decisions/s").AtLeast(1000),
		figure("kills/unaccounted", int(handed)-int(written+suppressed+gone), "decisions").AtMost(0),
		figure("kills/twice", int(written+suppressed+gone)-int(handed), "decisions").AtMost(0),
		figure("kills/outstanding", int(outstanding.Load()), "decisions").AtMost(0),
	)
	if len(r.files()) < 3 || suppressed == 0 {
		t.Errorf("%d files, %d suppressed: too little was tried", len(r.files()), suppressed)
	}
}
