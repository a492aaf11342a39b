package split_test

import (
	"testing"

	"labelgate/internal/queue"
	"labelgate/internal/split"
)

// TestNoAllocations: neither side allocates for a batch.
func TestNoAllocations(t *testing.T) {
	front := split.NewFront(split.Config{Tests: []split.Test{{Packet: queue.Packet{Payload: []byte("test")}}}})
	wait := attach(t, front, func(b *split.Back, p []queue.Packet, v []queue.Verdict) {
		out := b.Buffers()
		for i := range v {
			v[i] = queue.Verdict{Accept: true, SetMark: true, Mark: 7, Payload: out[i][:copy(out[i], p[i].Payload)]}
			if i%3 == 0 {
				v[i].Payload = p[i].Payload
			}
		}
	})
	packets, verdicts := make([]queue.Packet, split.Batch), make([]queue.Verdict, split.Batch)
	for i := range packets {
		packets[i] = queue.Packet{Payload: make([]byte, 100*i)}
	}
	for name, f := range map[string]func(){
		"Handle": func() { clear(verdicts); front.Handle(packets, verdicts) },
		"Begin and Finish": func() {
			clear(verdicts)
			if !front.Begin(packets) {
				t.Fatal("not begun")
			}
			front.Finish(verdicts)
		},
		"Idle":     func() { front.Idle() },
		"Progress": func() { front.Progress() },
	} {
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	front.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
}
