package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

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
