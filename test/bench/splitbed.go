package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/queue"
	"labelgate/internal/queue/queuetest"
	"labelgate/internal/split"
)

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
