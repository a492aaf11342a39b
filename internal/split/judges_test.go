package split_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"labelgate/internal/queue"
	"labelgate/internal/split"
)

func accept(_ *split.Back, _ []queue.Packet, v []queue.Verdict) {
	for i := range v {
		v[i].Accept = true
	}
}

func drop(*split.Back, []queue.Packet, []queue.Verdict) {}

func one() ([]queue.Packet, []queue.Verdict) {
	return []queue.Packet{{Payload: []byte("one")}}, make([]queue.Verdict, 1)
}

// TestGone: a judge that ended before it was given a batch takes nothing with it; the
// next judge gets the batch.
func TestGone(t *testing.T) {
	var l lost
	f := split.NewFront(split.Config{Lost: l.note})
	defer f.Close()
	first, err := split.NewLink()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Attach(first); err != nil { // nobody has its other end
		t.Fatal(err)
	}
	p, v := one()
	done := make(chan struct{})
	go func() { defer close(done); f.Handle(p, v) }()
	for f.Progress().Attached {
		time.Sleep(time.Millisecond)
	}
	select {
	case <-done:
		t.Error("the batch was not kept for the next judge")
	case <-time.After(20 * time.Millisecond):
	}
	if held := f.Progress().Held; held != 1 {
		t.Errorf("%d packets are held", held)
	}
	attach(t, f, accept)
	<-done
	if !v[0].Accept {
		t.Error("not accepted")
	}
	if all := l.list(); len(all) != 1 || all[0].packets != 0 || !errors.Is(all[0].why, split.ErrGone) {
		t.Errorf("lost: %v", all)
	}
}

// TestHung: a judge that does not answer in time is given up, and what it says later
// is heard by nobody.
func TestHung(t *testing.T) {
	var l lost
	f := split.NewFront(split.Config{Lost: l.note, Timeout: 50 * time.Millisecond})
	defer f.Close()
	wake := make(chan struct{})
	wait := attach(t, f, func(b *split.Back, p []queue.Packet, v []queue.Verdict) { <-wake; accept(b, p, v) })
	p, v := one()
	start := time.Now()
	f.Handle(p, v)
	if d := time.Since(start); d < 40*time.Millisecond {
		t.Errorf("given up after %v", d)
	}
	if v[0].Accept {
		t.Error("accepted")
	}
	if all := l.list(); len(all) != 1 || all[0].packets != 1 || !errors.Is(all[0].why, split.ErrHung) {
		t.Errorf("lost: %v", all)
	}
	next := attach(t, f, drop)
	close(wake)
	if err := wait(); err != nil {
		t.Errorf("Serve of the one that hung: %v", err)
	}
	for range 10 {
		if f.Handle(p, v); v[0].Accept {
			t.Error("a verdict of the former judge was taken")
		}
	}
	if p := f.Progress(); p.Lost != 1 || p.Packets != 10 || !p.Attached {
		t.Errorf("%+v", p)
	}
	f.Close()
	if err := next(); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// TestPlannedChange: judge follows judge under load, and none of the batches is lost.
func TestPlannedChange(t *testing.T) {
	var l lost
	f := split.NewFront(split.Config{Lost: l.note})
	var stop atomic.Bool
	var load sync.WaitGroup
	load.Go(func() {
		packets, verdicts := make([]queue.Packet, 20), make([]queue.Verdict, 20)
		for i := range packets {
			packets[i].Payload = []byte("some packet")
		}
		for !stop.Load() {
			clear(verdicts)
			if f.Begin(packets) {
				f.Finish(verdicts)
			} else {
				f.Handle(packets, verdicts)
			}
			for i, v := range verdicts {
				if !v.Accept || string(v.Payload) != "some packet" {
					t.Errorf("verdict %d: %+v", i, v)
					return
				}
			}
		}
	})
	var all []func() error
	var handled atomic.Int64
	const judges = 100
	for range judges {
		all = append(all, attach(t, f, func(b *split.Back, p []queue.Packet, v []queue.Verdict) {
			accept(b, p, v)
			for i := range p {
				v[i].Payload = b.Buffers()[i][:copy(b.Buffers()[i], p[i].Payload)]
			}
			b.Counter(split.Spare).Add(1)
			handled.Add(1)
		}))
		time.Sleep(time.Millisecond)
	}
	stop.Store(true)
	load.Wait()
	if n := f.Counters().Of(split.Spare); n != uint64(handled.Load()) {
		t.Errorf("the judges counted %d batches of %d", n, handled.Load())
	}
	f.Close()
	if n := f.Counters().Of(split.Spare); n != uint64(handled.Load()) {
		t.Errorf("after Close the judges counted %d batches of %d", n, handled.Load())
	}
	for i, wait := range all {
		if err := wait(); err != nil {
			t.Errorf("judge %d: %v", i, err)
		}
	}
	if n := len(l.list()); n != 0 {
		t.Errorf("%d judges were lost: %v", n, l.list())
	}
}

// TestToldBeforeReplaced: what is said of a judge is said before the next takes over,
// so that it is not taken for said of that.
func TestToldBeforeReplaced(t *testing.T) {
	telling, tell := make(chan struct{}), make(chan struct{})
	f := split.NewFront(split.Config{Timeout: 20 * time.Millisecond, Lost: func(n int, why error) {
		if n != 1 || !errors.Is(why, split.ErrHung) {
			t.Errorf("lost %d: %v", n, why)
		}
		close(telling)
		<-tell
	}})
	block := make(chan struct{})
	attach(t, f, func(*split.Back, []queue.Packet, []queue.Verdict) { <-block })
	p, v := one()
	handled, attached := make(chan struct{}), make(chan struct{})
	go func() { defer close(handled); f.Handle(p, v) }()
	<-telling
	l, err := split.NewLink()
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, accept)
	go func() {
		defer close(attached)
		if err := f.Attach(l); err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-attached:
		t.Error("the next judge was attached while it was told of the former")
	case <-time.After(20 * time.Millisecond):
	}
	close(tell)
	<-attached
	<-handled
	if v[0].Accept {
		t.Error("the batch went to a second judge")
	}
	if f.Handle(p, v); !v[0].Accept {
		t.Error("the second judge has not accepted")
	}
	close(block)
	f.Close()
}

// TestEnd: a Front without a judge does not keep its queue from ending.
func TestEnd(t *testing.T) {
	for name, end := range map[string]func(f *split.Front, stop chan struct{}){
		"closed":          func(f *split.Front, _ chan struct{}) { f.Close() },
		"the queue stops": func(_ *split.Front, stop chan struct{}) { close(stop) },
	} {
		t.Run(name, func(t *testing.T) {
			var l lost
			f := split.NewFront(split.Config{Lost: l.note})
			defer f.Close()
			wait := attach(t, f, func(*split.Back, []queue.Packet, []queue.Verdict) { panic("too much") })
			stop := make(chan struct{})
			f.Wait(stop) // there is a judge
			for range 8 {
				p, v := one()
				if f.Handle(p, v); v[0].Accept {
					t.Error("a verdict of a handler that panicked was taken")
				}
			}
			if err := wait(); err == nil {
				t.Error("Serve did not give up")
			}
			if n := f.Counters().Of(split.Panicked); n != 8 {
				t.Errorf("%d packets of panics were counted", n)
			}
			handled, waited := make(chan struct{}), make(chan struct{})
			p, v := one()
			go func() { defer close(handled); f.Handle(p, v) }()
			for f.Progress().Attached {
				time.Sleep(time.Millisecond)
			}
			end(f, stop)
			<-handled
			go func() { defer close(waited); f.Wait(stop) }()
			<-waited
			if f.Begin(p) {
				t.Error("began without a judge")
			}
			if v[0].Accept {
				t.Error("accepted")
			}
			all := l.list()
			if n := len(all); n == 0 || all[n-1].packets != 1 || !errors.Is(all[n-1].why, split.ErrStopped) {
				t.Errorf("lost: %v", all)
			}
		})
	}
}

// TestAttachAfterClose: the link is freed, and the judge sees the end.
func TestAttachAfterClose(t *testing.T) {
	f := split.NewFront(split.Config{})
	f.Close()
	f.Close()
	l, err := split.NewLink()
	if err != nil {
		t.Fatal(err)
	}
	wait := serve(t, l, accept)
	if err := f.Attach(l); err == nil {
		t.Error("attached")
	}
	if err := wait(); err != nil {
		t.Errorf("Serve: %v", err)
	}
}
