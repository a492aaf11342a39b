package gate

import (
	"math/bits"
	"time"
)

// Histogram counts durations in steps that are an eighth of their size. Its zero
// value is empty.
type Histogram struct {
	counts  [64 * 8]uint64
	total   uint64
	longest int64
}

// Add counts a duration in nanoseconds; one below zero as zero.
func (h *Histogram) Add(ns int64) {
	ns = max(ns, 0)
	h.counts[step(uint64(ns))]++
	h.total++
	h.longest = max(h.longest, ns)
}

// step is where a value is counted: its highest bit, and the three behind that.
func step(v uint64) int {
	n := bits.Len64(v)
	if n <= 3 {
		return int(v)
	}
	return (n-3)*8 + int(v>>(n-4)&7)
}

// top is the highest value of a step.
func top(step int) uint64 {
	if step < 8 {
		return uint64(step)
	}
	shift := step/8 - 1
	return uint64(8+step%8+1)<<shift - 1
}

// Total returns how many durations there were.
func (h *Histogram) Total() uint64 { return h.total }

// Longest returns the longest of them.
func (h *Histogram) Longest() time.Duration { return time.Duration(h.longest) }

// Quantile returns a duration that a share q of them, 0..1, does not exceed.
func (h *Histogram) Quantile(q float64) time.Duration {
	left := uint64(q * float64(h.total))
	for i, n := range h.counts {
		if n > left || n > 0 && n == left {
			return min(time.Duration(top(i)), h.Longest())
		}
		left -= n
	}
	return h.Longest()
}

// Merge adds what another histogram has counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.longest = max(h.longest, o.longest)
}

func sleepMilliseconds(n int) { time.Sleep(time.Duration(n) * time.Millisecond) }
