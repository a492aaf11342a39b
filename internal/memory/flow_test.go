package memory

import (
	"bytes"
	"encoding/binary"
	"testing"

	"labelgate/netlabel"
)

// TestErrors: an ICMP error has the label of what it reports, if that passed here
// lately, and shows it as its sender sent it.
func TestErrors(t *testing.T) {
	sent := header{src: unlabeled, dst: labeled, proto: 17, body: udp(4000, 53)}
	echo := header{src: unlabeled, dst: labeled, proto: 1, body: icmp(8, 0, 0x4c470001, make([]byte, 8))}
	back := func(src string, about []byte) header {
		return header{src: src, dst: unlabeled, proto: 1, body: icmp(3, 4, 1400, about)}
	}
	tests := []struct {
		name   string
		before func(b *bench)
		error  func(left []byte) header // given what left of sent
		sent   header
		reason netlabel.Reason
	}{
		{"by a router without a label", nil, func(left []byte) header { return back(labeledRouter, left) }, sent, 0},
		{"by the host itself", nil, func(left []byte) header { h := back(labeled, left); h.options = foo; return h }, sent, 0},
		{"of eight bytes behind the header", nil, func(left []byte) header { return back(labeledRouter, left[:int(left[0]&15)*4+8]) }, sent, 0},
		{"of an echo", nil, func(left []byte) header { return back(labeledRouter, left) }, echo, 0},
		{"of a header only", nil, func(left []byte) header { return back(labeledRouter, left[:int(left[0]&15)*4]) }, sent, netlabel.ReasonLabelMissing},
		{"about another port", nil, func(left []byte) header {
			left[int(left[0]&15)*4+1]++
			return back(labeledRouter, left)
		}, sent, netlabel.ReasonLabelMissing},
		{"by the host about another port", nil, func(left []byte) header {
			left[int(left[0]&15)*4+1]++
			h := back(labeled, left)
			h.options = foo
			return h
		}, sent, netlabel.ReasonUnsolicitedError},
		{"to another host", nil, func(left []byte) header {
			h := back(labeledRouter, left)
			h.dst = unlabeledRouter
			return h
		}, sent, netlabel.ReasonLabelMissing},
		{"to another host, by the host itself", nil, func(left []byte) header {
			h := back(labeled, left)
			h.dst, h.options = "10.4.0.3", foo
			return h
		}, sent, netlabel.ReasonUnsolicitedError},
		{"too late", func(b *bench) { b.at.Seconds += flowIdle + 1 }, func(left []byte) header { return back(labeledRouter, left) }, sent, netlabel.ReasonLabelMissing},
		{"after a reload", func(b *bench) { b.at.Generation++ }, func(left []byte) header { return back(labeledRouter, left) }, sent, netlabel.ReasonLabelMissing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, netlabel.Strict)
			left := bytes.Clone(b.passes(gray, tt.sent))
			if int(left[0]&15) != 9 {
				t.Fatalf("% x left without a label", left)
			}
			if tt.before != nil {
				tt.before(b)
			}
			v, got := b.process(red, tt.error(left))
			if v.Reason != tt.reason {
				t.Fatalf("%s %s, want %q", v.Action, v.Reason, tt.reason)
			}
			if v.Action == netlabel.Drop {
				return
			}
			if name := b.at.Snapshot.LabelName(v.Subject); name != "Foo" {
				t.Errorf("its subject is %q", name)
			}
			if mtu := binary.BigEndian.Uint16(got[26:]); mtu != 1400-16 {
				t.Errorf("MTU %d, want that of the router less the option", mtu)
			}
			want := tt.sent.bytes(t)
			if quoted := got[28:]; !bytes.HasPrefix(want, quoted) {
				t.Errorf("quotes\n% x, of\n% x", quoted, want)
			}
		})
	}
}

// TestForgedErrors: the label of a flow is for the flow's source only, and given only
// to who could have got its packets. Else anybody who knows of a flow could speak
// with its label, to anybody.
func TestForgedErrors(t *testing.T) {
	const neighbour, web = "10.4.0.2", "10.4.0.3" // labels Bar and @
	tests := []struct {
		name     string
		zone     netlabel.Zone
		src, dst string
		reason   netlabel.Reason
	}{
		{"to another host", red, labeledRouter, web, netlabel.ReasonLabelMissing},
		{"from the zone that the flow came from", gray, neighbour, unlabeled, netlabel.ReasonNoRule},
		{"from there, to another host", gray, neighbour, web, netlabel.ReasonUnsolicitedError},
		{"from where it went, to its source", red, labeledRouter, unlabeled, netlabel.ReasonNone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, netlabel.Strict)
			left := bytes.Clone(b.passes(gray, header{src: unlabeled, dst: labeled, proto: 17, body: udp(4000, 53)}))
			if v, _ := b.process(tt.zone, header{src: tt.src, dst: tt.dst, proto: 1, body: icmp(3, 3, 0, left)}); v.Reason != tt.reason {
				t.Errorf("%s %s as %q, want %q", v.Action, v.Reason, b.at.Snapshot.LabelName(v.Subject), tt.reason)
			}
		})
	}
}

// TestErrorsOfThisMachine: the kernel's own errors have the label of what they
// report, whichever zone that was on its way to, and to nobody but its source.
func TestErrorsOfThisMachine(t *testing.T) {
	b := newBench(t, netlabel.Strict)
	left := bytes.Clone(b.passes(gray, header{src: unlabeled, dst: labeled, proto: 17, body: udp(4000, 53)}))
	for dst, label := range map[string]string{unlabeled: "Foo", "10.4.0.3": "Self"} {
		p := header{src: "10.4.0.254", dst: dst, proto: 1, body: icmp(11, 0, 0, left)}.bytes(t)
		v := b.Process(b.at, Packet{Direction: netlabel.Output, Bytes: p, Out: make([]byte, 400)}, netlabel.Known{})
		if got := b.at.Snapshot.LabelName(v.Subject); v.Action == netlabel.Drop || got != label {
			t.Errorf("to %s: %s %s as %q, want %q", dst, v.Action, v.Reason, got, label)
		}
	}
}

// TestErrorsComeBack: an error comes from the zone that the datagram went to, or from
// this machine.
func TestErrorsComeBack(t *testing.T) {
	b := newBench(t, netlabel.Strict)
	sent := header{src: unlabeled, dst: labeled, proto: 17, body: udp(4000, 53)}
	left := bytes.Clone(b.passes(gray, sent))
	e := header{src: "10.2.0.1", dst: unlabeled, options: foo16, proto: 1, body: icmp(3, 4, 1400, left)}
	if v, _ := b.process(blue, e); v.Reason != netlabel.ReasonUnsolicitedError {
		t.Errorf("from another zone: %s %s", v.Action, v.Reason)
	}
	e.options = ""
	if v, _ := b.process(blue, e); v.Reason != netlabel.ReasonLabelMissing {
		t.Errorf("from another zone, unlabeled: %s %s", v.Action, v.Reason)
	}
	e.src = "10.4.0.3"
	if v, _ := b.process(gray, e); v.Reason != netlabel.ReasonUnsolicitedError {
		t.Errorf("from its sender's zone: %s %s", v.Action, v.Reason)
	}
	e.src = "10.4.0.253"
	p := e.bytes(t)
	out := make([]byte, len(p)+netlabel.MaxGrowth)
	v := b.Process(b.at, Packet{Direction: netlabel.Output, Bytes: p, Out: out}, netlabel.Known{})
	if name := b.at.Snapshot.LabelName(v.Subject); v.Action == netlabel.Drop || name != "Foo" {
		t.Errorf("from this machine: %s %s, subject %q", v.Action, v.Reason, name)
	}
}

// TestGrowthCountsOnce: an error that waits for its option is judged at two hooks. Its
// MTU is lowered at the first.
func TestGrowthCountsOnce(t *testing.T) {
	b := newBench(t, netlabel.Strict)
	const other = "10.2.0.1"
	left := bytes.Clone(b.passes(red, header{src: labeled, dst: other, options: foo, proto: 17, body: udp(4000, 53)}))
	v, first := b.process(blue, header{src: other, dst: labeled, options: foo16, proto: 1, body: icmp(3, 4, 1400, left)})
	const mtu, grew = 20 + 16 + 6, 40 - 16 // behind the error's own header
	if got := binary.BigEndian.Uint16(first[mtu:]); v.Action == netlabel.Drop || got != 1400-grew {
		t.Fatalf("%s %s, MTU %d", v.Action, v.Reason, got)
	}
	held := make([]byte, len(first)+netlabel.MaxGrowth)
	n, r := netlabel.HoldPlace(first, held)
	if r != netlabel.ReasonNone {
		t.Fatal(r)
	}
	out := make([]byte, n+netlabel.MaxGrowth)
	v = b.Again(b.at, Packet{Direction: netlabel.Forward, In: blue, Bytes: held[:n], Out: out, Seen: true, Counted: true}, v.Subject)
	if v.Action == netlabel.Drop || !bytes.Equal(out[:v.Length], first) {
		t.Errorf("%s %s:\n% x, was\n% x", v.Action, v.Reason, out[:v.Length], first)
	}
}

// TestCompatBelievesErrors: a Linux host asks nobody whether an error was due.
func TestCompatBelievesErrors(t *testing.T) {
	b := newBench(t, netlabel.Compat)
	about := header{src: unlabeled, dst: labeled, proto: 17, body: udp(1, 2)}.bytes(t)
	b.passes(red, header{src: labeled, dst: unlabeled, options: foo, proto: 1, body: icmp(3, 3, 0, about)})
}

// TestPin: a flow keeps its label while it lives, when that is asked for.
func TestPin(t *testing.T) {
	first := header{src: labeled, dst: "10.4.0.3", options: foo, proto: 17, body: udp(4000, 53)}
	second := first
	second.options = bar
	other := second
	other.body = udp(4001, 53)
	for _, pin := range []bool{true, false} {
		b := newBench(t, netlabel.Strict)
		b.at.PinFlows = pin
		b.passes(red, first)
		want := netlabel.ReasonNone
		if pin {
			want = netlabel.ReasonLabelChanged
		}
		if v, _ := b.process(red, second); v.Reason != want {
			t.Errorf("pinned %v, another label: %s %s", pin, v.Action, v.Reason)
		}
		b.passes(red, first)
		b.passes(red, other)
		b.at.Seconds += flowIdle + 1
		b.passes(red, second)
		b.at.Generation++
		b.passes(red, first)
	}
}
