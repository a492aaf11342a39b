package split_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"labelgate/internal/queue"
	"labelgate/internal/queue/queuetest"
	"labelgate/internal/split"
	"labelgate/test/figures"
	"labelgate/test/long"
)

// bed is a real queue in a namespace, served by a front.
type bed struct {
	net    *queuetest.Net
	queue  *queue.Queue
	stream *queuetest.Stream
	ended  chan error
}

func newBed(t *testing.T, f *split.Front) *bed {
	t.Helper()
	n, err := queuetest.New(22)
	if errors.Is(err, queuetest.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	b := &bed{net: n, ended: make(chan error, 1)}
	b.queue, err = queue.Open(queue.Config{Number: n.Number(), NetNS: n.FD(), Errorf: t.Errorf})
	if err != nil {
		t.Fatal(err)
	}
	go func() { b.ended <- b.queue.Run(context.Background(), f) }()
	return b
}

// send sends packets until finish.
func (b *bed) send(t *testing.T) {
	t.Helper()
	var err error
	if b.stream, err = b.net.Stream(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.stream.Close)
}

// finish ends the traffic and holds the accounts against each other: of all that was
// sent, exactly what was told to be lost did not come, and nothing came twice.
func (b *bed) finish(t *testing.T, f *split.Front, name string, l *lost) {
	t.Helper()
	sent, err := b.stream.End()
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); f.Progress().Packets+l.sum() < sent && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if err := b.stream.Account(l.sum()); err != nil {
		t.Error(err)
	}
	if s, p := b.queue.Stats(), f.Progress(); s.Received != sent || s.Dropped != l.sum() || p.Lost != l.sum() || p.Packets != sent-l.sum() {
		t.Errorf("sent %d, lost %d\nqueue %+v\nfront %+v", sent, l.sum(), s, p)
	}
	long.Report(t,
		figures.Figure{ID: name + "/packets", Value: float64(sent), Unit: "packets"},
		figures.Figure{ID: name + "/judges-lost", Value: float64(len(l.list())), Unit: "judges"},
		figures.Figure{ID: name + "/lost", Value: float64(l.sum()), Unit: "packets"},
		figures.Figure{ID: name + "/unaccounted", Value: math.Abs(float64(sent) - float64(b.stream.Received()) - float64(l.sum())), Unit: "packets"}.AtMost(0))
	b.close(t, f)
}

func (b *bed) close(t *testing.T, f *split.Front) {
	t.Helper()
	if err := b.queue.Close(); err != nil {
		t.Error(err)
	}
	if err := <-b.ended; err != nil {
		t.Error(err)
	}
	f.Close()
}

// TestKilledJudges: judge after judge is killed in the middle of its batch. Exactly
// the packets of these batches are dropped; the successor answers all others.
func TestKilledJudges(t *testing.T) {
	var l lost
	f := split.NewFront(split.Config{Lost: l.note})
	b := newBed(t, f)
	b.send(t)
	kills := long.Count(100, 1000)
	for i := range kills {
		j := startJudge(t, f, "slow")
		await(t, f, ready, uint64(i+1))
		time.Sleep(time.Duration(rand.IntN(5000)) * time.Microsecond)
		j.kill()
	}
	startJudge(t, f, "accept")
	b.finish(t, f, "split/killed", &l)
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
	b.send(t)
	for i := range long.Count(5, 50) {
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
	b.finish(t, f, "split/stopped", &l)
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
	b.close(t, f)
}

// TestWaiting: without a judge packets wait in the kernel, and the queue can be closed.
func TestWaiting(t *testing.T) {
	f := split.NewFront(split.Config{Lost: func(n int, why error) { t.Errorf("lost %d: %v", n, why) }})
	b := newBed(t, f)
	source, err := b.net.Source(100)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	const packets = 500
	send := func() {
		for range packets {
			if err := source.Send(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	send()
	if k, err := b.net.Stats(); err != nil || k.Depth != packets || b.queue.Stats().Received != 0 {
		t.Errorf("%+v, %v, %+v", k, err, b.queue.Stats())
	}
	j := startJudge(t, f, "accept")
	for deadline := time.Now().Add(20 * time.Second); b.queue.Stats().Accepted < packets && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if s := b.queue.Stats(); s.Accepted != packets || s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
	b.close(t, f)
	if err := j.cmd.Wait(); err != nil {
		t.Error(err)
	}

	f = split.NewFront(split.Config{})
	b = newBed(t, f)
	start := time.Now()
	b.close(t, f)
	if d := time.Since(start); d > time.Second {
		t.Errorf("without a judge Close took %v", d)
	}
}

// TestChangedJudges: planned changes lose nothing.
func TestChangedJudges(t *testing.T) {
	var l lost
	f := split.NewFront(split.Config{Lost: l.note})
	b := newBed(t, f)
	b.send(t)
	var before *judge
	for i := range long.Count(20, 500) {
		j := startJudge(t, f, "slow")
		if before != nil {
			if err := before.cmd.Wait(); err != nil {
				t.Errorf("the judge before: %v", err)
			}
		}
		await(t, f, ready, uint64(i+1))
		before = j
	}
	b.finish(t, f, "split/changed", &l)
	if all := l.list(); len(all) != 0 {
		t.Errorf("lost: %v", all)
	}
}
