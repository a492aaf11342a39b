package main

import (
	"runtime"

	"labelgate/test/figures"
)

// measureMemory weighs a compiled policy: what the heap holds more with it than
// without.
func measureMemory(sets []*set, r *report) error {
	r.title("Memory of a compiled policy")
	r.row("policy\tin all\tper rule")
	for _, s := range sets {
		before := heap()
		b, err := s.builder()
		if err != nil {
			return err
		}
		p := b.Build()
		b = nil
		held := heap() - before
		runtime.KeepAlive(p)
		each := held / float64(len(s.pairs))
		f := figures.Figure{ID: "memory/" + s.id, Value: each, Unit: "B/rule"}
		if s.labels > engineMatrixLabels {
			f = f.AtMost(40)
		}
		r.Add(f)
		r.row("%s\t%.2f MB\t%.1f B", s.name, held/1e6, each)
		runtime.KeepAlive(b)
	}
	return nil
}

// engineMatrixLabels is the number of labels up to which the engine spends a
// matrix on speed; memory per rule says little there.
const engineMatrixLabels = 1024

// heap returns the bytes in use after what can go is gone.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
