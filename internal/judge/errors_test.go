package judge

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"labelgate/internal/icmp"
	"labelgate/internal/ipv4"
	"labelgate/internal/links"
	"labelgate/internal/queue"
)

// fakeErrors keeps what it is to send, and knows the last of it again.
type fakeErrors struct{ sent []icmp.Notice }

func (f *fakeErrors) Send(_ time.Duration, n icmp.Notice) bool {
	n.Message = bytes.Clone(n.Message)
	f.sent = append(f.sent, n)
	return true
}

func (f *fakeErrors) Own(_ time.Duration, to netip.Addr, message []byte) (label, generation uint32, ok bool) {
	if len(f.sent) == 0 {
		return 0, 0, false
	}
	n := &f.sent[len(f.sent)-1]
	return n.Label, n.Generation, n.To == to && bytes.Equal(n.Message, message)
}

const greenIf, green1 = 15, "10.3.0.1"

// TestReport: what a sender is told of its packet, and which label that has when it
// leaves.
func TestReport(t *testing.T) {
	const withGreen = settings + `
[[zone]]
name = "green"
interfaces = ["green0"]
networks = ["10.3.0.0/16"]
labels = "accept"
doi = 3
`
	path := write(t, withGreen, rules, hosts)
	d, _ := newDaemon(t, path)
	d.move(newLinks(
		links.Link{Index: redIf, Name: "red0", Zone: 1, MTU: 1500}, links.Link{Index: blueIf, Name: "blue0", Zone: 2, MTU: 1500},
		links.Link{Index: grayIf, Name: "gray0", Zone: 3, MTU: 1500}, links.Link{Index: greenIf, Name: "green0", Zone: 4, MTU: 1500},
	))
	d.live.store(newState(loaded(t, path, 1), d.links, d.counters, 1))
	const (
		gateArea    = "860f00000003010900fa23b0ba328000"
		ambientArea = "860c00000003010600fa2f80"
	)
	tests := []struct {
		name              string
		hook              queue.Hook
		in, out           uint32
		src, dst, options string
		size              int // of a packet that must not be fragmented; 0 for a small one
		kind, code        byte
		area              string // options of the error
		nothing           bool
	}{
		{name: "no rule", hook: queue.Prerouting, in: redIf, src: red1, dst: grayNone, options: foo3, kind: 3, code: 9, area: foo3 + "0000"},
		{name: "unknown label", hook: queue.Prerouting, in: redIf, src: red1, dst: grayPop, options: "860b00000003010500094000", kind: 3, code: 9, area: gateArea},
		{name: "label @", hook: queue.Prerouting, in: redIf, src: red1, dst: grayPop, options: "860b00000003010500fa2000", kind: 3, code: 9, area: gateArea},
		{name: "label *", hook: queue.Prerouting, in: redIf, src: red1, dst: grayPop, options: "860b00000003010500fa1500", kind: 3, code: 9, area: gateArea},
		{name: "no label", hook: queue.Forward, in: redIf, out: grayIf, src: red1, dst: grayPop, kind: 12, code: 1, area: gateArea},
		{name: "ambient, labeled", hook: queue.Prerouting, in: greenIf, src: green1, dst: grayPop, options: ambientArea, kind: 3, code: 9, area: ambientArea},
		{name: "ambient, unlabeled", hook: queue.Forward, in: greenIf, out: grayIf, src: green1, dst: grayPop, nothing: true},
		{name: "ambient, unlabeled, too large", hook: queue.Forward, in: greenIf, out: redIf, src: green1, dst: red1, size: 1500, kind: 3, code: 4, area: ""},
		{name: "refused a label", hook: queue.Prerouting, in: grayIf, src: grayNone, dst: grayPop, options: foo3, nothing: true},
		{name: "without labels, too large", hook: queue.Forward, in: grayIf, out: redIf, src: grayPop, dst: red1, size: 1500, kind: 3, code: 4, area: ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var w seen
			var errors fakeErrors
			j := newJudge(&d.live, d.links, &w, &errors)
			p := packet(t, tt.src, tt.dst, tt.options)
			if tt.size != 0 {
				p = append(p, make([]byte, tt.size-len(p))...)
				binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
				p[6] |= 0x40
				p[10], p[11] = 0, 0
				binary.BigEndian.PutUint16(p[10:], ipv4.Checksum(p[:20]))
			}
			verdicts := make([]queue.Verdict, 1)
			j.Handle([]queue.Packet{{Hook: tt.hook, Protocol: ethertypeIPv4, In: tt.in, Out: tt.out, Payload: p}}, verdicts)
			if verdicts[0].Accept {
				t.Fatal("passed")
			}
			if tt.nothing != (len(errors.sent) == 0) {
				t.Fatalf("%s: %d errors", w.verdict.Reason, len(errors.sent))
			}
			if tt.nothing {
				return
			}
			n := errors.sent[0]
			if n.To.String() != tt.src || n.Message[0] != tt.kind || n.Message[1] != tt.code {
				t.Errorf("% x to %v", n.Message, n.To)
			}
			e := packet(t, gate, tt.src, "")[:20]
			e[9] = 1
			binary.BigEndian.PutUint16(e[2:], uint16(len(e)+len(n.Message)))
			e[10], e[11] = 0, 0
			binary.BigEndian.PutUint16(e[10:], ipv4.Checksum(e))
			j.Handle([]queue.Packet{{Hook: queue.Output, Protocol: ethertypeIPv4, Out: tt.in, Payload: append(e, n.Message...)}}, verdicts)
			if !verdicts[0].Accept {
				t.Fatalf("the error is dropped: %s", w.verdict.Reason)
			}
			area := ""
			if verdicts[0].Payload != nil {
				area = optionArea(verdicts[0].Payload)
			}
			if area != tt.area {
				t.Errorf("the error leaves with %s, want %s", area, tt.area)
			}
		})
	}
}
