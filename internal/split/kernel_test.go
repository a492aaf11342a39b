package split_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"labelgate/internal/queue"
	"labelgate/internal/queue/queuetest"
	"labelgate/internal/split"
	"labelgate/test/long"
)

// bed is a real queue in a namespace, served by a front, with packets on their way.
type bed struct {
	net    *queuetest.Net
	queue  *queue.Queue
	sink   *queuetest.Sink
	source *queuetest.Source
	ended  chan error
	stop   chan struct{}
	sender sync.WaitGroup
	err    error
}

func newBed(t *testing.T, f *split.Front) *bed {
	t.Helper()
	n, err := queuetest.New(22)
	if errors.Is(err, queuetest.ErrUnavailable) {
		t.Skip(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	t.Cleanup(func() { n.Close() })
	b := &bed{net: n, ended: make(chan error, 1), stop: make(chan struct{})}
	b.queue, err = queue.Open(queue.Config{Number: n.Number(), NetNS: n.FD(), Errorf: t.Errorf})
	must(err)
	b.sink, err = n.Sink()
	must(err)
	t.Cleanup(b.sink.Close)
	b.source, err = n.Source(100)
	must(err)
	t.Cleanup(b.source.Close)
	go func() { b.ended <- b.queue.Run(context.Background(), f) }()
	return b
}

// send sends packets until finish, not more at a time than the queue holds.
func (b *bed) send() {
	b.sender.Go(func() {
		for b.err == nil {
			select {
			case <-b.stop:
				return
			default:
			}
			for range 32 {
				if b.err = b.source.Send(); b.err != nil {
					return
				}
			}
			time.Sleep(100 * time.Microsecond)
			for {
				s, err := b.net.Stats()
				if err != nil || s.Depth < queue.DefaultLength/2 {
					break
				}
				time.Sleep(time.Millisecond)
			}
		}
	})
}

// finish ends the traffic and holds the accounts against each other: of all that was
// sent, exactly what was told to be lost did not come, and nothing came twice.
func (b *bed) finish(t *testing.T, f *split.Front, l *lost) {
	t.Helper()
	close(b.stop)
	b.sender.Wait()
	if b.err != nil {
		t.Fatal(b.err)
	}
	sent := b.source.Sent()
	for deadline := time.Now().Add(20 * time.Second); f.Progress().Packets+l.sum() < sent && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	b.sink.Await(sent - l.sum())
	time.Sleep(20 * time.Millisecond) // for what must not come
	if got := b.sink.Received(); got != sent-l.sum() {
		t.Errorf("%d of %d packets came, %d were told lost", got, sent, l.sum())
	}
	for i := range sent {
		if n := b.sink.Times(i); n > 1 {
			t.Errorf("packet %d came %d times", i, n)
		}
	}
	k, err := b.net.Stats()
	if err != nil {
		t.Fatal(err)
	}
	s, p := b.queue.Stats(), f.Progress()
	if k.Depth != 0 || k.QueueDropped != 0 || k.UserDropped != 0 || s.Received != sent || s.Dropped != l.sum() || p.Lost != l.sum() || p.Packets != sent-l.sum() {
		t.Errorf("sent %d, lost %d\nkernel %+v\nqueue %+v\nfront %+v", sent, l.sum(), k, s, p)
	}
	if err := b.queue.Close(); err != nil {
		t.Error(err)
	}
	if err := <-b.ended; err != nil {
		t.Error(err)
	}
	f.Close()
	t.Logf("%d packets, %d lost", sent, l.sum())
}

// TestKilledJudges: judge after judge is killed in the middle of its batch. Exactly
// the packets of these batches are dropped; the successor answers all others.
func TestKilledJudges(t *testing.T) {
	var l lost
	f := split.NewFront(split.Config{Lost: l.note})
	b := newBed(t, f)
	b.send()
	kills := long.Count(100, 1000)
	for i := range kills {
		j := startJudge(t, f, "slow")
		await(t, f, ready, uint64(i+1))
		time.Sleep(time.Duration(rand.IntN(5000)) * time.Microsecond)
		j.kill()
	}
	startJudge(t, f, "accept")
	b.finish(t, f, &l)
	inBatch := 0
	for _, one := range l.list() {
		if !errors.Is(one.why, split.ErrGone) || one.packets > split.Batch {
			t.Errorf("lost: %+v", one)
		}
		if one.packets > 0 {
			inBatch++
		}
	}
	t.Logf("%d judges killed, %d of them in a batch", kills, inBatch)
	if inBatch < kills/2 {
		t.Errorf("only %d of %d judges were killed in a batch", inBatch, kills)
	}
}

// TestStoppedJudges: one that is stopped is found by its silence, whether there are
// packets or not, and nothing passes meanwhile.
func TestStoppedJudges(t *testing.T) {
	var l lost
	f := split.NewFront(split.Config{Lost: l.note, Timeout: 100 * time.Millisecond, Tests: []split.Test{{}}})
	b := newBed(t, f)
	b.send()
	for i := range 5 {
		j := startJudge(t, f, "slow")
		await(t, f, ready, uint64(i+1))
		stopJudge(j)
		for len(l.list()) == i {
			time.Sleep(time.Millisecond)
		}
		if one := l.list()[i]; !errors.Is(one.why, split.ErrHung) {
			t.Errorf("lost: %+v", one)
		}
	}
	startJudge(t, f, "accept")
	b.finish(t, f, &l)
}

// TestIdleQueue: a judge that hangs while no packet comes is found by a self-test that
// the queue gives rise to.
func TestIdleQueue(t *testing.T) {
	var l lost
	f := split.NewFront(split.Config{Lost: l.note, Timeout: 100 * time.Millisecond, Tests: []split.Test{{}}})
	b := newBed(t, f)
	j := startJudge(t, f, "accept")
	for f.Progress().Tests == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	stopJudge(j)
	for f.Progress().Attached {
		time.Sleep(10 * time.Millisecond)
	}
	if all := l.list(); len(all) != 1 || all[0].packets != 0 || !errors.Is(all[0].why, split.ErrHung) {
		t.Errorf("lost: %v", all)
	}
	b.finish(t, f, &l)
}

// TestWaiting: without a judge packets wait in the kernel, and the queue can be closed.
func TestWaiting(t *testing.T) {
	var l lost
	f := split.NewFront(split.Config{Lost: l.note})
	b := newBed(t, f)
	const packets = 500
	for range packets {
		if err := b.source.Send(); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(10 * time.Millisecond)
	if k, err := b.net.Stats(); err != nil || k.Depth != packets || b.queue.Stats().Received != 0 {
		t.Errorf("%+v, %v, %+v", k, err, b.queue.Stats())
	}
	startJudge(t, f, "accept")
	b.finish(t, f, &l)
	if all := l.list(); len(all) != 0 {
		t.Errorf("lost: %v", all)
	}

	f = split.NewFront(split.Config{})
	b = newBed(t, f)
	if err := b.source.Send(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := b.queue.Close(); err != nil {
		t.Error(err)
	}
	if err := <-b.ended; err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("Close took %v", d)
	}
	f.Close()
}

// TestChangedJudges: planned changes lose nothing.
func TestChangedJudges(t *testing.T) {
	var l lost
	f := split.NewFront(split.Config{Lost: l.note})
	b := newBed(t, f)
	b.send()
	var before *judge
	for i := range 20 {
		j := startJudge(t, f, "slow")
		if before != nil {
			if err := before.cmd.Wait(); err != nil {
				t.Errorf("the judge before: %v", err)
			}
		}
		await(t, f, ready, uint64(i+1))
		before = j
	}
	b.finish(t, f, &l)
	if all := l.list(); len(all) != 0 {
		t.Errorf("lost: %v", all)
	}
}
