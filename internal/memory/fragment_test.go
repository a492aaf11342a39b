package memory

import (
	"testing"

	"labelgate/engine"
	"labelgate/netlabel"
)

// piece is one fragment of a datagram of UDP to a host that hears everybody.
func piece(options string, offset int, more bool) header {
	body := make([]byte, 96)
	if offset == 0 {
		copy(body, udp(4000, 53))
	}
	return header{src: labeled, dst: "10.4.0.3", options: options, proto: 17, id: 7, offset: offset, more: more, body: body}
}

// TestFragments: all fragments of a datagram agree, or no datagram arrives.
func TestFragments(t *testing.T) {
	const pass, label, overlap, refused = netlabel.ReasonNone, netlabel.ReasonFragmentLabel, netlabel.ReasonFragmentOverlap, netlabel.ReasonFragmentRefused
	a, b, c := piece(foo, 0, true), piece(foo, 96, true), piece(foo, 192, false)
	unlabeledB := b
	unlabeledB.options = ""
	barB := b
	barB.options = bar
	tests := []struct {
		name    string
		pieces  []header
		reasons []netlabel.Reason
	}{
		{"in order", []header{a, b, c}, []netlabel.Reason{pass, pass, pass}},
		{"backwards", []header{c, b, a}, []netlabel.Reason{pass, pass, pass}},
		{"two labels", []header{a, barB, c}, []netlabel.Reason{pass, label, refused}},
		{"a label on the first only", []header{a, unlabeledB, c}, []netlabel.Reason{pass, netlabel.ReasonLabelMissing, refused}},
		{"a label on the second only", []header{unlabeledB, a}, []netlabel.Reason{netlabel.ReasonLabelMissing, refused}},
		{"overlapping", []header{a, piece(foo, 88, true), c}, []netlabel.Reason{pass, overlap, refused}},
		{"twice", []header{a, a, b, c}, []netlabel.Reason{pass, overlap, pass, pass}},
		{"two ends", []header{a, c, piece(foo, 96, false)}, []netlabel.Reason{pass, pass, overlap}},
		{"behind the end", []header{c, piece(foo, 480, true)}, []netlabel.Reason{pass, overlap}},
		{"the number again", []header{a, b, c, a, b, c}, []netlabel.Reason{pass, pass, pass, pass, pass, pass}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newBench(t, netlabel.Strict)
			for i, h := range tt.pieces {
				if v, _ := m.process(red, h); v.Reason != tt.reasons[i] {
					t.Errorf("fragment %d: %s %s, want %q", i+1, v.Action, v.Reason, tt.reasons[i])
				}
			}
		})
	}
}

// TestFragmentsAcrossReload: a reload numbers labels anew, and fragments on their
// way at that moment are still told apart by what their labels are.
func TestFragmentsAcrossReload(t *testing.T) {
	for _, tt := range []struct {
		name, options string
		reason        netlabel.Reason
	}{{"the same label, another number", foo, netlabel.ReasonNone}, {"another label of the same number", bar, netlabel.ReasonFragmentLabel}} {
		t.Run(tt.name, func(t *testing.T) {
			m := newBench(t, netlabel.Strict)
			m.at.Snapshot = snapshot(t, netlabel.Strict, "Foo", "Bar")
			m.passes(red, piece(foo, 0, true))
			before := m.at.Snapshot
			m.at.Snapshot, m.at.Generation = snapshot(t, netlabel.Strict, "Bar", "Foo"), 2
			number := func(s *netlabel.Snapshot, name string) engine.Label { l, _ := s.Policy().Lookup(name); return l }
			if number(before, "Foo") != number(m.at.Snapshot, "Bar") || number(before, "Bar") != number(m.at.Snapshot, "Foo") {
				t.Fatal("the labels did not change their numbers")
			}
			if v, _ := m.process(red, piece(tt.options, 96, false)); v.Reason != tt.reason {
				t.Errorf("%s %s, want %q", v.Action, v.Reason, tt.reason)
			}
		})
	}
}

// TestFragmentIsAskedOnce: what was held against the others at one hook is not
// taken for its own repetition at the next; refused there, it takes the rest along.
func TestFragmentIsAskedOnce(t *testing.T) {
	m := newBench(t, netlabel.Strict)
	h := header{src: unlabeled, dst: "10.4.0.2", proto: 17, id: 9, more: true, body: append(udp(1, 2), make([]byte, 80)...)}
	p := h.bytes(t)
	out := make([]byte, len(p)+netlabel.MaxGrowth)
	at := Packet{Direction: netlabel.Forward, In: gray, Bytes: p, Out: out}
	if v := m.first(at); v.Action != netlabel.Pass || !v.Held {
		t.Fatalf("%s %s", v.Action, v.Reason)
	}
	at.Seen = true
	v := m.Process(m.at, at, netlabel.Known{})
	if m.Remember(m.at, at, &v); v.Reason != netlabel.ReasonNoRule {
		t.Fatalf("%s %s", v.Action, v.Reason)
	}
	h.offset = 96
	at.Bytes, at.Seen = h.bytes(t), false
	if v := m.first(at); v.Reason != netlabel.ReasonFragmentRefused {
		t.Errorf("the rest: %s %s", v.Action, v.Reason)
	}
}

// first judges a fragment without options where it may still be put together with
// others.
func (b *bench) first(p Packet) netlabel.Verdict {
	v := b.at.Snapshot.Fragment(p.In, p.Bytes)
	b.Remember(b.at, p, &v)
	return v
}

// TestFragmentBeforeReassembly: without options the header is judged, and whether
// its source lives where it came from: the kernel, which puts fragments together by
// their addresses, does not ask by which interface each of them came.
func TestFragmentBeforeReassembly(t *testing.T) {
	m := newBench(t, netlabel.Strict)
	for _, tt := range []struct {
		name   string
		change func(h *header)
		reason netlabel.Reason
	}{
		{"sound", func(*header) {}, 0},
		{"cut in its ports", func(h *header) { h.body = h.body[:4] }, netlabel.ReasonTinyFragment},
		{"over the header of the first", func(h *header) { h.offset = 8 }, netlabel.ReasonTinyFragment},
		{"behind the largest datagram", func(h *header) { h.offset = 65528 }, netlabel.ReasonMalformedHeader},
		{"of another zone's host", func(h *header) { h.src = unlabeled }, netlabel.ReasonSourceNotInZone},
		{"of nobody", func(h *header) { h.src = "127.0.0.1" }, netlabel.ReasonMartianSource},
	} {
		h := piece("", 0, true)
		h.id += uint16(len(tt.name))
		tt.change(&h)
		if v := m.first(Packet{In: red, Bytes: h.bytes(t)}); v.Reason != tt.reason {
			t.Errorf("%s: %s %s, want %q", tt.name, v.Action, v.Reason, tt.reason)
		}
	}
}

// TestNoAllocations: packets leave no garbage.
func TestNoAllocations(t *testing.T) {
	m := newBench(t, netlabel.Strict)
	out := make([]byte, 400)
	whole := header{src: labeled, dst: unlabeled, options: foo, proto: 17, body: udp(1, 2)}.bytes(t)
	about := header{src: unlabeled, dst: labeled, proto: 17, body: udp(2, 1)}.bytes(t)
	packets := [][]byte{
		whole, piece(foo, 0, true).bytes(t), piece(foo, 96, false).bytes(t),
		header{src: labeled, dst: unlabeled, options: foo, proto: 1, body: icmp(3, 3, 0, about)}.bytes(t),
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, p := range packets {
			at := Packet{In: red, Bytes: p, Out: out}
			v := m.Process(m.at, at, netlabel.Known{})
			m.Remember(m.at, at, &v)
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d packets", n, len(packets))
	}
}
