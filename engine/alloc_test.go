package engine

import (
	"strconv"
	"testing"
)

// TestNoAllocation: what a packet asks costs no memory.
func TestNoAllocation(t *testing.T) {
	for _, tt := range []struct {
		name   string
		labels int
	}{
		{"matrix", 0}, {"table", matrixLabels},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := world(t)
			b.Layer("l").Set(intern(t, b, "foo"), intern(t, b, "write"), Read, 0, 1)
			for i := range tt.labels {
				intern(t, b, "filler"+strconv.Itoa(i))
			}
			p := b.Build()
			s, o, name := label(p, "foo"), label(p, "write"), []byte("foo")
			var d Decision
			for what, f := range map[string]func(){
				"Check":       func() { d = p.Check(s, o, Write) },
				"unknown":     func() { d = p.Check(s, Unknown, Write) },
				"CheckLayer":  func() { d = p.CheckLayer(1, s, o, Write) },
				"CheckTrace":  func() { d = p.CheckTrace(s, o, TraceAttach) },
				"LookupBytes": func() { _, _ = p.LookupBytes(name) },
				"NewObject":   func() { _, _ = p.NewObject(s, Directory{o, true}) },
				"mmap":        func() { _, _ = p.MmapContained(s, o) },
				"Step.String": func() { _ = d.Step.String() },
			} {
				if n := testing.AllocsPerRun(100, f); n != 0 {
					t.Errorf("%s: %v allocations", what, n)
				}
			}
		})
	}
}
