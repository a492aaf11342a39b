package split_test

import (
	"fmt"
	"testing"

	"labelgate/internal/queue"
	"labelgate/internal/split"
)

// BenchmarkExchange is what an exchange costs beside the judging, with the judge on a
// thread of its own.
func BenchmarkExchange(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			front := split.NewFront(split.Config{})
			wait := attach(b, front, func(_ *split.Back, p []queue.Packet, v []queue.Verdict) {
				for i := range v {
					v[i].Accept = true
				}
			})
			packets, verdicts := make([]queue.Packet, n), make([]queue.Verdict, n)
			for i := range packets {
				packets[i].Payload = make([]byte, 100)
			}
			b.ReportAllocs()
			for b.Loop() {
				clear(verdicts)
				front.Handle(packets, verdicts)
			}
			b.StopTimer()
			front.Close()
			if err := wait(); err != nil {
				b.Error(err)
			}
		})
	}
}
