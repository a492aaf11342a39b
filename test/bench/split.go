package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/queue"
	"labelgate/internal/queue/queuetest"
	"labelgate/internal/split"
	"labelgate/test/figures"
)

// What a packet costs is measured on queues that were filled before: no generator
// takes part in it.
const (
	backlog   = 16384
	workspan  = 500 * time.Nanosecond
	judgeWord = "judge-of-the-bench" // makes the program the judge of its parent
)

// work stands in for the decision: a batch takes workspan a packet, every packet
// gets a mark and every second one is rewritten.
type work struct {
	turns   int
	buffers func() [][]byte
}

func (w work) Handle(packets []queue.Packet, verdicts []queue.Verdict) {
	out := w.buffers()
	for i := range packets {
		p := &packets[i]
		n := burn(w.turns, uint64(p.Mark))
		verdicts[i] = queue.Verdict{Accept: true, SetMark: true, Mark: uint32(n) | 1}
		if i%2 == 0 {
			verdicts[i].Payload = out[i][:copy(out[i], p.Payload)]
		}
	}
}

func burn(turns int, x uint64) uint64 {
	x |= 1
	for range turns {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

// calibrate returns how many turns take d.
func calibrate(d time.Duration) int {
	const turns = 1 << 20
	best := time.Hour
	for range 9 {
		start := time.Now()
		keep(int(burn(turns, 1)))
		best = min(best, time.Since(start))
	}
	return int(int64(turns) * d.Nanoseconds() / best.Nanoseconds())
}

// gate lets a queue fill up before it is served.
type gate struct{ closed atomic.Pointer[chan struct{}] }

func (g *gate) isOpen() bool {
	select {
	case <-*g.closed.Load():
		return true
	default:
		return false
	}
}

func (g *gate) shut() { c := make(chan struct{}); g.closed.Store(&c) }

func (g *gate) open() { close(*g.closed.Load()) }

// Wait is called by the queue.
func (g *gate) Wait(stop <-chan struct{}) {
	select {
	case <-*g.closed.Load():
	case <-stop:
	}
}

// gatedWork is a handler behind a gate, gatedFront one in another process.
type gatedWork struct {
	work
	*gate
}

type gatedFront struct {
	*split.Front
	gate *gate
}

func (g gatedFront) Begin(p []queue.Packet) bool { return g.gate.isOpen() && g.Front.Begin(p) }

func (g gatedFront) Handle(p []queue.Packet, v []queue.Verdict) {
	g.gate.Wait(nil)
	g.Front.Handle(p, v)
}

func (g gatedFront) Wait(stop <-chan struct{}) {
	g.gate.Wait(stop)
	g.Front.Wait(stop)
}

// bed is a queue in a namespace that is filled and emptied.
type bed struct {
	net    *queuetest.Net
	queue  *queue.Queue
	source *queuetest.Source
	sink   int
	gate   *gate
	pids   []int // of the processes that serve it
	done   chan error
}

func newBed(number uint16, size int, behind func(*gate) queue.Handler) (b *bed, err error) {
	b = &bed{gate: &gate{}, pids: []int{os.Getpid()}, done: make(chan error, 1)}
	b.gate.shut()
	if b.net, err = queuetest.New(number); err != nil {
		return nil, err
	}
	if b.source, err = b.net.Source(size); err != nil {
		return nil, err
	}
	if b.sink, err = b.net.Hole(); err != nil {
		return nil, err
	}
	b.queue, err = queue.Open(queue.Config{Number: number, Length: 2 * backlog, ReceiveBuffer: 256 << 20, NetNS: b.net.FD()})
	if err != nil {
		return nil, err
	}
	go func() { b.done <- b.queue.Run(context.Background(), behind(b.gate)) }()
	return b, nil
}

// cost is what a packet took, in nanoseconds.
type cost struct{ time, processor float64 }

// processorTime is what processes have used so far.
func processorTime(pids []int) (sum int64, err error) {
	const scheduled = 2 // CPUCLOCK_SCHED
	for _, pid := range pids {
		var t unix.Timespec
		if err := unix.ClockGettime(^int32(pid)<<3|scheduled, &t); err != nil {
			return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
		}
		sum += t.Nano()
	}
	return sum, nil
}

// drain fills the queue and tells what it took to answer all of it.
func (b *bed) drain() (c cost, err error) {
	before := b.queue.Stats()
	for range backlog {
		if err := b.source.Send(); err != nil {
			return c, err
		}
	}
	time.Sleep(2 * time.Millisecond)
	at := b.queue.Stats().Accepted
	used, err := processorTime(b.pids)
	if err != nil {
		return c, err
	}
	start := time.Now()
	b.gate.open()
	for b.queue.Stats().Received-before.Received < backlog {
		if time.Since(start) > 10*time.Second {
			return c, fmt.Errorf("bench: %d of %d packets were answered", b.queue.Stats().Received-before.Received, backlog)
		}
		time.Sleep(20 * time.Microsecond)
	}
	took := time.Since(start)
	after, err := processorTime(b.pids)
	if err != nil {
		return c, err
	}
	b.gate.shut()
	now := b.queue.Stats().Accepted
	if n := now - before.Accepted; n != backlog {
		return c, fmt.Errorf("bench: %d of %d packets were accepted", n, backlog)
	}
	n := float64(now - at)
	return cost{float64(took.Nanoseconds()) / n, float64(after-used) / n}, nil
}

func (b *bed) close() error {
	err := b.queue.Close()
	b.source.Close()
	unix.Close(b.sink)
	b.net.Close()
	return err
}

// measureSplit compares a queue whose packets are judged in its own process with one
// whose are judged in another.
func measureSplit(_ []*set, r *report) error {
	turns := calibrate(workspan)
	r.title("One packet through a kernel queue and a handler that takes %v, judged in the same process or in another, median of %d rounds in turn", workspan, rounds)
	r.row("bytes\tsame process\tanother\tratio\tof processor time")
	for _, size := range []int{64, 1400} {
		if err := compareSplit(turns, size, r); errors.Is(err, queuetest.ErrUnavailable) {
			r.row("not measured: %v", err)
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

func compareSplit(turns, size int, r *report) error {
	var own [split.Batch][]byte
	for i := range own {
		own[i] = make([]byte, split.BufferLen)
	}
	whole, err := newBed(31, size, func(g *gate) queue.Handler {
		return gatedWork{work{turns, func() [][]byte { return own[:] }}, g}
	})
	if err != nil {
		return err
	}
	front := split.NewFront(split.Config{Lost: func(n int, why error) { fmt.Fprintln(os.Stderr, "bench: lost", n, why) }})
	judge, err := startJudge(front, turns)
	if err != nil {
		return err
	}
	parted, err := newBed(32, size, func(g *gate) queue.Handler { return gatedFront{front, g} })
	if err != nil {
		return err
	}
	parted.pids = append(parted.pids, judge.Pid)
	took, used := make([][]float64, 2), make([][]float64, 2)
	for round := -1; round < rounds; round++ {
		for i := range took {
			at := (i + round + 1) % 2
			one, err := []*bed{whole, parted}[at].drain()
			if err != nil {
				return err
			}
			if round >= 0 {
				took[at] = append(took[at], one.time)
				used[at] = append(used[at], one.processor)
			}
		}
	}
	over, more := ratio(took[1], took[0]), ratio(used[1], used[0])
	r.row("%d\t%.0f ns\t%.0f ns\t%.2f\t%.2f", size, median(took[0]), median(took[1]), over, more)
	id := fmt.Sprintf("split/%d", size)
	r.Add(
		figures.Figure{ID: id + "/same/time", Value: median(took[0]), Unit: "ns"},
		figures.Figure{ID: id + "/another/time", Value: median(took[1]), Unit: "ns"},
		figures.Figure{ID: id + "/processor", Value: more, Unit: "x", Against: "a handler in the process that owns the queue"},
		figures.Figure{ID: id, Value: over, Unit: "x", Against: "a handler in the process that owns the queue"}.AtMost(1.2))
	if err := errors.Join(whole.close(), parted.close()); err != nil {
		return err
	}
	front.Close()
	_, err = judge.Wait()
	return err
}

// startJudge starts this program again as the judge.
func startJudge(front *split.Front, turns int) (*os.Process, error) {
	l, err := split.NewLink()
	if err != nil {
		return nil, err
	}
	files := append([]*os.File{nil, nil, os.Stderr}, l.Files()...)
	p, err := os.StartProcess("/proc/self/exe", []string{"bench", judgeWord, fmt.Sprint(turns)}, &os.ProcAttr{Files: files, Env: os.Environ()})
	if err != nil {
		l.Discard()
		return nil, err
	}
	return p, front.Attach(l)
}

// beJudge is the other process.
func beJudge(turns string) error {
	w := work{}
	if _, err := fmt.Sscan(turns, &w.turns); err != nil {
		return err
	}
	b, err := split.Open(os.NewFile(3, "socket"), os.NewFile(4, "packets"), os.NewFile(5, "verdicts"))
	if err != nil {
		return err
	}
	w.buffers = b.Buffers
	return b.Serve(context.Background(), w)
}
