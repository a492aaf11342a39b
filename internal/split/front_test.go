package split_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"labelgate/internal/queue"
	"labelgate/internal/split"
)

// TestThrough: what the handler sees is what the queue had, but for the id, and
// what the queue is told is what the handler said.
func TestThrough(t *testing.T) {
	long := bytes.Repeat([]byte("longest "), 8192)[:queue.MaxPayload]
	packets := []queue.Packet{
		{ID: 7, Hook: queue.Forward, Protocol: 0x0800, In: 3, Out: 1 << 31, Mark: 0xc0040001, Payload: []byte("drop me")},
		{ID: 8, Hook: queue.Prerouting, Protocol: 0x86dd, Payload: []byte("pass me")},
		{ID: 9, Hook: queue.Output, Protocol: 0xffff, ChecksumNotReady: true, Payload: []byte("mark me")},
		{ID: 10, Hook: queue.Input, GSO: true, Payload: long},
		{ID: 11, Hook: queue.Postrouting, Truncated: true},
		{ID: 12, Payload: []byte("return a part of me")},
		{ID: 13, Payload: []byte("return something of your own")},
		{ID: 14, Payload: []byte("return nothing")},
		{ID: 15, Payload: []byte("return too much")},
		{ID: 16, Payload: []byte("return what is in the neighbour's buffer")},
		{ID: 17, Payload: long},
	}
	own := []byte("of my own")
	front := split.NewFront(split.Config{Lost: func(n int, why error) { t.Errorf("lost %d: %v", n, why) }})
	saw := make(chan []queue.Packet, 1)
	wait := attach(t, front, func(b *split.Back, p []queue.Packet, v []queue.Verdict) {
		out := b.Buffers()
		var seen []queue.Packet
		for i := range p {
			c := p[i]
			c.Payload = append([]byte(nil), c.Payload...)
			seen = append(seen, c)
			v[i].Accept = true
		}
		saw <- seen
		v[0] = queue.Verdict{SetMark: true, Mark: 5, Payload: own} // of a drop nothing counts
		v[2].SetMark, v[2].Mark = true, 0xffffffff
		v[3].Payload = out[3][:copy(out[3], bytes.ToUpper(p[3].Payload))]
		v[5].Payload = p[5].Payload[9:15]
		v[6].Payload = own
		v[7].Payload = []byte{}
		v[8].Payload = make([]byte, queue.MaxPayload+1)
		v[9].Payload = out[6][:copy(out[6], "neighbour")]
		v[10].Payload = p[10].Payload
	})
	verdicts := make([]queue.Verdict, len(packets))
	front.Handle(packets, verdicts)
	seen := <-saw
	want := []queue.Verdict{
		{}, {Accept: true}, {Accept: true, SetMark: true, Mark: 0xffffffff}, {Accept: true, Payload: bytes.ToUpper(long)}, {Accept: true},
		{Accept: true, Payload: []byte("part o")[:6]}, {Accept: true, Payload: own}, {Accept: true, Payload: []byte{}}, {Accept: true, Payload: []byte{}},
		{Accept: true, Payload: []byte("neighbour")}, {Accept: true, Payload: long},
	}
	want[5].Payload = packets[5].Payload[9:15]
	same := cmp.Comparer(func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) })
	if d := cmp.Diff(want, verdicts, same); d != "" {
		t.Errorf("verdicts (-want +got):\n%s", d)
	}
	if d := cmp.Diff(packets, seen, cmpopts.IgnoreFields(queue.Packet{}, "ID"), cmp.Comparer(bytes.Equal)); d != "" {
		t.Errorf("packets (-had +seen):\n%s", d)
	}
	if seen[0].ID != 0 {
		t.Errorf("the judge was told an id: %d", seen[0].ID)
	}
	front.Close()
	if err := wait(); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// TestMoreThanABatch: a queue may collect more than one exchange holds.
func TestMoreThanABatch(t *testing.T) {
	front := split.NewFront(split.Config{})
	wait := attach(t, front, func(b *split.Back, p []queue.Packet, v []queue.Verdict) {
		if len(p) > split.Batch {
			t.Errorf("%d packets at once", len(p))
		}
		for i := range p {
			v[i] = queue.Verdict{Accept: true, SetMark: true, Mark: p[i].Mark + 1, Payload: b.Buffers()[i][:copy(b.Buffers()[i], p[i].Payload)]}
		}
	})
	packets, verdicts := make([]queue.Packet, 400), make([]queue.Verdict, 400)
	for i := range packets {
		packets[i] = queue.Packet{Mark: uint32(i), Payload: fmt.Append(nil, i)}
	}
	front.Handle(packets, verdicts)
	for i, v := range verdicts {
		if !v.Accept || v.Mark != uint32(i)+1 || string(v.Payload) != fmt.Sprint(i) {
			t.Errorf("verdict %d: %+v", i, v)
		}
	}
	front.Close()
	if err := wait(); err != nil {
		t.Errorf("Serve: %v", err)
	}
}
