package judge

import (
	"bytes"
	"strings"
	"testing"

	"labelgate/engine"
	"labelgate/internal/links"
	"labelgate/internal/mark"
	"labelgate/internal/queue"
	"labelgate/netlabel"
)

const ipv6 = 0x86dd

// seen is a witness that remembers the last verdict.
type seen struct {
	direction netlabel.Direction
	verdict   netlabel.Verdict
	times     int
}

func (*seen) ready(moment, int) bool   { return true }
func (*seen) settled(moment, int) bool { return true }

func (s *seen) saw(_ moment, _ *queue.Packet, d netlabel.Direction, v *netlabel.Verdict, _ []byte) {
	s.direction, s.verdict = d, *v
	s.times++
}

// handle judges one packet as the queue would have it judged.
func handle(t testing.TB, d *daemon, p queue.Packet) (queue.Verdict, seen) {
	t.Helper()
	var w seen
	j := newJudge(&d.live, d.links, &w, nil)
	verdicts := make([]queue.Verdict, 1)
	j.Handle([]queue.Packet{p}, verdicts)
	if w.times != 1 {
		t.Fatalf("the witness heard %d verdicts of one packet", w.times)
	}
	if p := verdicts[0].Payload; p != nil {
		verdicts[0].Payload = bytes.Clone(p)
	}
	return verdicts[0], w
}

func TestHandle(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	foo, _ := d.live.load().snapshot.Policy().Lookup("Foo")
	ready := func(zone uint8) mark.Mark { return mark.ForZone(1, zone) }
	pending := func(generation uint32, zone uint8, l engine.Label) mark.Mark {
		m, ok := mark.ForLabel(generation, zone, uint32(l))
		if !ok {
			t.Fatal("no such mark")
		}
		return m
	}
	const held = "01010101010101010101010101010000" // NOPs where foo3 was, padding
	tests := []struct {
		name      string
		hook      queue.Hook
		in, out   uint32
		mark      mark.Mark
		src, dst  string
		options   string
		direction netlabel.Direction
		reason    netlabel.Reason
		want      mark.Mark // given to what passes
		leaves    string    // option area of a new payload, "same" for none
	}{
		{"strip at prerouting", queue.Prerouting, redIf, 0, 0, red1, grayPop, foo3, netlabel.Forward, 0, ready(3), ""},
		{"keep at prerouting: waits as NOPs", queue.Prerouting, redIf, 0, 0, red1, red2, foo3, netlabel.Forward, 0, pending(1, 1, foo), held},
		{"translate at prerouting: waits as NOPs", queue.Prerouting, redIf, 0, 0, red1, blue1, foo3, netlabel.Forward, 0, pending(1, 2, foo), held},
		{"for this machine at prerouting", queue.Prerouting, redIf, 0, mark.Local, red1, gate, foo3, netlabel.Input, 0, ready(0), held},
		{"denied at prerouting", queue.Prerouting, redIf, 0, 0, red1, grayNone, foo3, netlabel.Forward, netlabel.ReasonNoRule, 0, ""},
		{"interface of no zone", queue.Prerouting, otherIf, 0, 0, red1, grayPop, foo3, netlabel.Forward, netlabel.ReasonNoZone, 0, ""},
		{"interface that is gone", queue.Prerouting, 99, 0, 0, red1, grayPop, foo3, netlabel.Forward, netlabel.ReasonNoZone, 0, ""},
		{"forged source without options at prerouting", queue.Prerouting, grayIf, 0, 0, "127.0.0.1", grayPop, "", netlabel.Forward, netlabel.ReasonMartianSource, 0, ""},
		{"to a group without options at prerouting", queue.Prerouting, grayIf, 0, 0, grayPop, "239.1.2.3", "", netlabel.Forward, netlabel.ReasonGroupDestination, 0, ""},

		{"add at forward", queue.Forward, grayIf, redIf, 0, grayPop, red1, "", netlabel.Forward, 0, ready(1), "860d00000003010700fa2837b8000000"},
		{"pass at forward", queue.Forward, grayIf, grayIf, 0, grayNone, grayNone, "", netlabel.Forward, 0, ready(3), "same"},
		{"routed out of another zone", queue.Forward, grayIf, blueIf, 0, grayPop, red1, "", netlabel.Forward, netlabel.ReasonEgressZone, 0, ""},
		{"routed out of no zone", queue.Forward, grayIf, otherIf, 0, grayPop, red1, "", netlabel.Forward, netlabel.ReasonEgressZone, 0, ""},
		{"from outside into a zone", queue.Forward, otherIf, redIf, 0, grayPop, red1, "", netlabel.Forward, netlabel.ReasonNoZone, 0, ""},

		{"second stage", queue.Forward, redIf, blueIf, pending(1, 2, foo), red1, blue1, held, netlabel.Forward, 0, ready(2), foo16 + "0000"},
		{"second stage after a reload", queue.Forward, redIf, blueIf, pending(2, 2, foo), red1, blue1, held, netlabel.Forward, netlabel.ReasonStaleGeneration, 0, ""},
		{"second stage 32 reloads later", queue.Forward, redIf, blueIf, pending(33, 2, foo), red1, blue1, held, netlabel.Forward, 0, ready(2), foo16 + "0000"},
		{"second stage, routed elsewhere", queue.Forward, redIf, grayIf, pending(1, 2, foo), red1, blue1, held, netlabel.Forward, netlabel.ReasonEgressZone, 0, ""},
		{"second stage, sent elsewhere by translation", queue.Forward, redIf, blueIf, pending(1, 2, foo), red1, red2, held, netlabel.Forward, netlabel.ReasonEgressZone, 0, ""},
		{"second stage with another program's mark", queue.Forward, otherIf, blueIf, pending(1, 2, foo), red1, blue1, held, netlabel.Forward, netlabel.ReasonNoZone, 0, ""},
		{"second stage toward a zone that refuses labels", queue.Forward, redIf, grayIf, pending(1, 3, foo), red1, grayNone, held, netlabel.Forward, netlabel.ReasonNoRule, 0, ""},
		{"second stage, sent to a single-label host by translation", queue.Forward, redIf, grayIf, pending(1, 3, foo), red1, grayPop, held, netlabel.Forward, 0, ready(3), ""},
		{"second stage, sent to this machine by translation", queue.Input, redIf, 0, pending(1, 3, foo), red1, gate, held, netlabel.Input, 0, ready(0), held},
		{"only the source was judged", queue.Forward, redIf, blueIf, pending(1, 0, foo), red1, blue1, held, netlabel.Forward, 0, ready(2), foo16 + "0000"},
		{"only the source was judged, denied", queue.Forward, redIf, grayIf, pending(1, 0, foo), red1, grayNone, held, netlabel.Forward, netlabel.ReasonNoRule, 0, ""},
		{"second stage with a label that is none", queue.Forward, redIf, blueIf, pending(1, 2, mark.MaxLabel), red1, blue1, held, netlabel.Forward, netlabel.ReasonStaleGeneration, 0, ""},

		{"input without options", queue.Input, grayIf, 0, mark.Local, grayPop, gate, "", netlabel.Input, netlabel.ReasonNoRule, 0, ""},
		{"input, blanked", queue.Input, redIf, 0, mark.Local, red1, gate, foo3, netlabel.Input, 0, ready(0), held},
		{"input of what was judged for a zone", queue.Input, redIf, 0, ready(3), red1, gate, held, netlabel.Input, netlabel.ReasonDestinationChanged, 0, ""},
		{"output, labeled", queue.Output, 0, redIf, 0, gate, red1, "", netlabel.Output, 0, ready(1), "860f00000003010900fa23b0ba328000"},
		{"output to a single-label host", queue.Output, 0, grayIf, 0, gate, grayPop, "", netlabel.Output, 0, ready(3), "same"},
		{"output of a reflected option", queue.Output, 0, grayIf, 0, gate, grayPop, foo3, netlabel.Output, 0, ready(3), ""},
		{"output by another zone's interface", queue.Output, 0, blueIf, 0, gate, red1, "", netlabel.Output, netlabel.ReasonEgressZone, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := packet(t, tt.src, tt.dst, tt.options)
			v, w := handle(t, d, queue.Packet{Hook: tt.hook, Protocol: ethertypeIPv4, In: tt.in, Out: tt.out, Mark: uint32(tt.mark), Payload: p})
			if w.verdict.Reason != tt.reason || v.Accept != (tt.reason == netlabel.ReasonNone) || (w.verdict.Action == netlabel.Drop) == v.Accept {
				t.Fatalf("accept %v, %s %q, want %q", v.Accept, w.verdict.Action, w.verdict.Reason, tt.reason)
			}
			if w.direction != tt.direction {
				t.Errorf("judged as %s, want %s", w.direction, tt.direction)
			}
			if !v.Accept {
				if v.SetMark || v.Mark != 0 || v.Payload != nil {
					t.Errorf("a drop with mark %#x and %d bytes", v.Mark, len(v.Payload))
				}
				return
			}
			if !v.SetMark || v.Mark != uint32(tt.want) {
				t.Errorf("mark %#x, want %#x", v.Mark, tt.want)
			}
			switch {
			case tt.leaves == "same":
				if v.Payload != nil {
					t.Errorf("%x leaves, want it as it came", v.Payload)
				}
			case optionArea(v.Payload) != tt.leaves:
				t.Errorf("options that leave %s, want %s", optionArea(v.Payload), tt.leaves)
			}
		})
	}
}

// TestHandleCompat: a Linux host takes what is sent to a group; only the kernel
// knows whether this machine is in it.
func TestHandleCompat(t *testing.T) {
	d, _ := newDaemon(t, write(t, "mode = \"compat\"\n"+settings, rules, hosts))
	v, w := handle(t, d, queue.Packet{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: grayIf, Payload: packet(t, grayPop, "239.1.2.3", "")})
	if !v.Accept || v.SetMark || v.Payload != nil || !w.verdict.Held {
		t.Errorf("%+v: it is to be judged where the kernel takes it", v)
	}
}

// TestHandleUnjudgeable: what cannot be judged is dropped, and known by the zone
// that it came from.
func TestHandleUnjudgeable(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	whole := packet(t, red1, grayPop, foo3)
	tests := []struct {
		name   string
		packet queue.Packet
		reason netlabel.Reason
	}{
		{"not IPv4", queue.Packet{Protocol: ipv6, Payload: whole}, netlabel.ReasonNotIPv4},
		{"no ethertype", queue.Packet{Payload: whole}, netlabel.ReasonNotIPv4},
		{"cut off", queue.Packet{Protocol: ethertypeIPv4, Truncated: true, Payload: whole[:30]}, netlabel.ReasonTruncated},
		{"no bytes", queue.Packet{Protocol: ethertypeIPv4}, netlabel.ReasonMalformedHeader},
		{"half a header", queue.Packet{Protocol: ethertypeIPv4, Payload: whole[:10]}, netlabel.ReasonMalformedHeader},
		{"for everybody", queue.Packet{Protocol: ethertypeIPv4, Payload: packet(t, red1, "255.255.255.255", foo3)}, netlabel.ReasonGroupDestination},
	}
	for _, tt := range tests {
		for hook := queue.Prerouting; hook <= queue.Forward; hook++ {
			t.Run(tt.name+" at "+hook.String(), func(t *testing.T) {
				p := tt.packet
				p.Hook, p.In = hook, redIf
				v, w := handle(t, d, p)
				if v.Accept || w.verdict.Reason != tt.reason || w.verdict.InZone != 1 {
					t.Errorf("accept %v, %q from zone %d, want %q from 1", v.Accept, w.verdict.Reason, w.verdict.InZone, tt.reason)
				}
			})
		}
	}
}

// TestUnmarkable: a label whose number the mark cannot hold waits nowhere.
func TestUnmarkable(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a quarter of a million labels")
	}
	var b strings.Builder
	for i := range mark.MaxLabel {
		b.WriteString("L")
		b.WriteString(strings.ToUpper(string([]byte{'a' + byte(i%26), 'a' + byte(i/26%26), 'a' + byte(i/676%26), 'a' + byte(i/17576)})))
		b.WriteString(" Pop w\n")
	}
	b.WriteString("Zz Pop w\n")
	d, _ := newDaemon(t, write(t, settings, b.String(), hosts))
	s := d.live.load().snapshot
	zz, _ := s.Policy().Lookup("Zz")
	if zz <= mark.MaxLabel {
		t.Fatalf("label %d is not too big", zz)
	}
	p := packet(t, red1, blue1, hexOf(s.Encoding(3, zz)))
	v, w := handle(t, d, queue.Packet{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: p})
	if v.Accept || v.SetMark || v.Payload != nil || w.verdict.Reason != netlabel.ReasonUnmarkable {
		t.Errorf("accept %v, %q", v.Accept, w.verdict.Reason)
	}
	p = packet(t, red1, grayPop, hexOf(s.Encoding(3, zz)))
	if v, w := handle(t, d, queue.Packet{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: p}); !v.Accept {
		t.Errorf("stripped, so that no mark need hold its label: %q", w.verdict.Reason)
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

// TestHandleBatch: packets of a batch do not disturb each other, and their
// payloads stay until the batch is answered.
func TestHandleBatch(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	var w seen
	j := newJudge(&d.live, d.links, &w, nil)
	var packets []queue.Packet
	for range 20 {
		packets = append(packets,
			queue.Packet{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: packet(t, red1, grayPop, foo3)},
			queue.Packet{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: packet(t, red1, grayNone, foo3)},
			queue.Packet{Hook: queue.Forward, Protocol: ethertypeIPv4, In: grayIf, Out: redIf, Payload: packet(t, grayPop, red1, "")},
		)
	}
	verdicts := make([]queue.Verdict, len(packets))
	j.Handle(packets, verdicts)
	for i, v := range verdicts {
		switch i % 3 {
		case 0:
			if !v.Accept || optionArea(v.Payload) != "" {
				t.Errorf("packet %d: accept %v, %x", i, v.Accept, v.Payload)
			}
		case 1:
			if v.Accept || v.Payload != nil {
				t.Errorf("packet %d: accept %v, %x", i, v.Accept, v.Payload)
			}
		case 2:
			if !v.Accept || optionArea(v.Payload) != "860d00000003010700fa2837b8000000" {
				t.Errorf("packet %d: accept %v, %x", i, v.Accept, v.Payload)
			}
		}
	}
	if w.times != len(packets) {
		t.Errorf("%d of %d verdicts were heard", w.times, len(packets))
	}
}

// TestFreshLinks: an interface index that was given to another interface means
// that one from its very first packet, and numbers of zones are never mixed.
func TestFreshLinks(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	f := d.links
	ask := func() netlabel.Reason {
		_, w := handle(t, d, queue.Packet{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: packet(t, red1, grayPop, foo3)})
		return w.verdict.Reason
	}
	if r := ask(); r != netlabel.ReasonNone {
		t.Fatalf("before: %q", r)
	}
	// Nobody has taken the notice of this change yet.
	f.set(links.Link{Index: redIf, Name: "veth7"})
	if r := ask(); r != netlabel.ReasonNoZone {
		t.Errorf("an index that was reused: %q, want %q", r, netlabel.ReasonNoZone)
	}
	f.set()
	if r := ask(); r != netlabel.ReasonNoZone {
		t.Errorf("notices were lost: %q, want %q", r, netlabel.ReasonNoZone)
	}
	// A reload is half done: the links are numbered for the next policy already.
	f.set(links.Link{Index: redIf, Name: "red0", Zone: 3})
	f.revision++
	if r := ask(); r != netlabel.ReasonNone {
		t.Errorf("during a reload: %q, want what held before it", r)
	}
	// A zone that the policy does not have is none.
	f.revision--
	f.set(links.Link{Index: redIf, Name: "red0", Zone: 60})
	if r := ask(); r != netlabel.ReasonNoZone {
		t.Errorf("zone 60 of 3: %q, want %q", r, netlabel.ReasonNoZone)
	}
}

// TestHandleAllocatesNothing: not for what passes, with records of what is denied
// switched on as they are by default.
func TestHandleAllocatesNothing(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	j := newJudge(&d.live, d.links, newRecorder(d.counters, d.Records, d.Limits), nil)
	foo, _ := d.live.load().snapshot.Policy().Lookup("Foo")
	pending, _ := mark.ForLabel(1, 2, uint32(foo))
	packets := []queue.Packet{
		{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: packet(t, red1, grayPop, foo3)},
		{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: packet(t, red1, blue1, foo3)},
		{Hook: queue.Forward, Protocol: ethertypeIPv4, In: redIf, Out: blueIf, Mark: uint32(pending), Payload: packet(t, red1, blue1, "01010101010101010101010101010000")},
		{Hook: queue.Forward, Protocol: ethertypeIPv4, In: grayIf, Out: redIf, Payload: packet(t, grayPop, red1, "")},
		{Hook: queue.Output, Protocol: ethertypeIPv4, Out: redIf, Payload: packet(t, gate, red1, "")},
	}
	verdicts := make([]queue.Verdict, len(packets))
	judgeAll := func() {
		clear(verdicts)
		j.Handle(packets, verdicts)
	}
	judgeAll()
	for i := range verdicts {
		if !verdicts[i].Accept {
			t.Fatalf("packet %d was dropped", i)
		}
	}
	if n := testing.AllocsPerRun(100, judgeAll); n != 0 {
		t.Errorf("%v allocations for %d packets, want none", n, len(packets))
	}
}

// TestRecorder: every verdict is counted once, by the zone that the packet came
// from; records are written of what the setting asks for.
func TestRecorder(t *testing.T) {
	path := write(t, settings, rules, hosts)
	d, records := newDaemon(t, path)
	j := newJudge(&d.live, d.links, newRecorder(d.counters, d.Records, d.Limits), nil)
	foo, _ := d.live.load().snapshot.Policy().Lookup("Foo")
	pending, _ := mark.ForLabel(1, 2, uint32(foo))
	stale, _ := mark.ForLabel(9, 2, uint32(foo))
	packets := []queue.Packet{
		{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: packet(t, red1, grayPop, foo3)},
		{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: packet(t, red1, blue1, foo3)},
		{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: packet(t, red1, grayNone, foo3)},
		{Hook: queue.Forward, Protocol: ethertypeIPv4, In: redIf, Out: blueIf, Mark: uint32(pending), Payload: packet(t, red1, blue1, "01010101010101010101010101010000")},
		{Hook: queue.Forward, Protocol: ethertypeIPv4, In: redIf, Out: blueIf, Mark: uint32(stale), Payload: packet(t, red1, blue1, "01010101010101010101010101010000")},
		{Hook: queue.Forward, Protocol: ethertypeIPv4, In: otherIf, Out: redIf, Payload: packet(t, grayPop, red1, "")},
		{Hook: queue.Forward, Protocol: ipv6, In: grayIf, Out: redIf, Payload: []byte{0x60}},
		{Hook: queue.Output, Protocol: ethertypeIPv4, Out: redIf, Payload: packet(t, gate, red1, "")},
	}
	j.Handle(packets, make([]queue.Verdict, len(packets)))
	const want = `packets 7: passed 3, dropped 4
from no zone 1: passed 0, dropped 1 (no-zone 1)
from red 4: passed 2 (strip 1, replace 1), dropped 2 (no-rule 1, stale-generation 1)
from gray 1: passed 0, dropped 1 (not-ipv4 1)
from this machine 1: passed 1 (add 1), dropped 0
`
	if got := string(d.counters.AppendSummary(nil)); got != want {
		t.Errorf("counted\n%swant\n%s", got, want)
	}
	wrote := records.String()
	for _, reason := range []string{"reason=no-rule", "reason=stale-generation", "reason=no-zone", "reason=not-ipv4"} {
		if strings.Count(wrote, reason) != 1 {
			t.Errorf("no record, or more than one, with %s:\n%s", reason, wrote)
		}
	}
	if n := strings.Count(wrote, "\n"); n != 4 {
		t.Errorf("%d records, want 4:\n%s", n, wrote)
	}
	if !strings.Contains(wrote, `subject="Foo" object="_" requested=w saddr=10.1.0.1`) || !strings.Contains(wrote, "netif=red0") {
		t.Errorf("records:\n%s", wrote)
	}
}

// TestRecorderLogging: the four values of Smack's setting, and bring-up rules,
// whose use is reported whatever it says.
func TestRecorderLogging(t *testing.T) {
	for _, tt := range []struct {
		name, set string
		want      string // which of denied, granted and the bring-up rule's packet
	}{
		{"nothing", "logging = 0", ""},
		{"denied", "logging = 1", "denied"},
		{"granted", "logging = 2", "granted granted"},
		{"both", "logging = 3", "denied granted granted"},
		{"nothing but bring-up", "logging = 0\nbringup = true", "granted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, records := newDaemon(t, write(t, strings.Replace(settings, "logging = 1", tt.set, 1), "Foo Pop w\nFoo Trial wb\n", hosts+"10.4.0.3 Trial\n"))
			j := newJudge(&d.live, d.links, newRecorder(d.counters, d.Records, d.Limits), nil)
			var packets []queue.Packet
			for _, dst := range []string{grayNone, grayPop, "10.4.0.3"} {
				packets = append(packets, queue.Packet{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: redIf, Payload: packet(t, red1, dst, foo3)})
			}
			j.Handle(packets, make([]queue.Verdict, len(packets)))
			var got []string
			for line := range strings.Lines(records.String()) {
				_, rest, _ := strings.Cut(line, " action=")
				word, _, _ := strings.Cut(rest, " ")
				got = append(got, word)
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("records: %q, want %q", s, tt.want)
			}
		})
	}
}

// TestTooLongForAnAnswer: what fits into a packet but not into a verdict is
// dropped with a reason, not by the queue behind the record's back.
func TestTooLongForAnAnswer(t *testing.T) {
	v := netlabel.Verdict{Action: netlabel.Add, Length: queue.MaxPayload + 1, OutZone: 1}
	var verdict queue.Verdict
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	accept(moment{state: d.live.load()}, &queue.Packet{Hook: queue.Forward}, netlabel.Forward, &v, &verdict, make([]byte, maxPacket))
	if verdict.Accept || v.Action != netlabel.Drop || v.Reason != netlabel.ReasonNoRoom {
		t.Errorf("accepted %v, %s %s", verdict.Accept, v.Action, v.Reason)
	}
}
