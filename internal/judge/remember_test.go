package judge

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"labelgate/internal/memory"
	"labelgate/internal/queue"
	"labelgate/netlabel"
)

// asker has one judge judge packets one after the other, so that it remembers.
type asker struct {
	t testing.TB
	*judge
	seen
}

func newAsker(t testing.TB, d *daemon, errors Errors) *asker {
	a := &asker{t: t}
	a.judge = newJudge(&d.live, d.links, &a.seen, errors)
	return a
}

// ask returns what becomes of a packet, which must be what the kernel is told.
func (a *asker) ask(p queue.Packet) netlabel.Verdict {
	a.t.Helper()
	p.Protocol = ethertypeIPv4
	verdicts := make([]queue.Verdict, 1)
	a.Handle([]queue.Packet{p}, verdicts)
	v := a.seen.verdict
	if got := verdicts[0]; got.Accept != (v.Action != netlabel.Drop) || !got.Accept && (got.SetMark || got.Payload != nil) {
		a.t.Errorf("%s %s, but the kernel is told %+v", v.Action, v.Reason, got)
	}
	return v
}

// with changes bytes of a packet and makes the checksum of its header right again.
func with(p []byte, change func(p []byte)) []byte {
	change(p)
	p[10], p[11] = 0, 0
	binary.BigEndian.PutUint16(p[10:], checksum(p[:int(p[0]&15)*4]))
	return p
}

// unreachable is an ICMP error about a packet.
func unreachable(t testing.TB, src, dst, options string, about []byte) []byte {
	b := packet(t, src, dst, options)
	header := int(b[0]&15) * 4
	b = append(b[:header], 3, 3, 0, 0, 0, 0, 0, 0)
	b = append(b, about...)
	binary.BigEndian.PutUint16(b[header+2:], checksum(b[header:]))
	return with(b, func(p []byte) {
		p[9] = 1
		binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	})
}

// TestDroppedIsNotRemembered: a packet that its links refuse makes no flow: others
// could not be told from those of who made it up.
func TestDroppedIsNotRemembered(t *testing.T) {
	for _, tt := range []struct {
		name   string
		out    uint32
		reason netlabel.Reason
	}{{"passed", redIf, netlabel.ReasonNone}, {"routed out of another zone", blueIf, netlabel.ReasonUnsolicitedError}} {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := newDaemon(t, write(t, settings, rules, hosts))
			a := newAsker(t, d, nil)
			sent := packet(t, grayPop, red1, "")
			a.ask(queue.Packet{Hook: queue.Forward, In: grayIf, Out: tt.out, Payload: sent})
			v := a.ask(queue.Packet{Hook: queue.Prerouting, In: redIf, Payload: unreachable(t, red1, grayPop, foo3, sent)})
			if v.Reason != tt.reason {
				t.Errorf("an error about it: %s %s, want %q", v.Action, v.Reason, tt.reason)
			}
		})
	}
}

// TestDroppedIsNotPinned: nor does it decide which label a flow has.
func TestDroppedIsNotPinned(t *testing.T) {
	d, _ := newDaemon(t, write(t, "pin-flows = true\n"+settings, rules, hosts))
	a := newAsker(t, d, nil)
	first := queue.Packet{Hook: queue.Output, Out: blueIf, Payload: packet(t, gate, grayPop, "")}
	if v := a.ask(first); v.Reason != netlabel.ReasonEgressZone {
		t.Fatalf("%s %s", v.Action, v.Reason)
	}
	second := queue.Packet{Hook: queue.Prerouting, In: redIf, Payload: packet(t, gate, grayPop, foo3)}
	if v := a.ask(second); v.Action == netlabel.Drop {
		t.Errorf("another label in the flow: %s", v.Reason)
	}
}

// TestDroppedFragmentTakesTheRestAlong: also when it is its links that refuse it.
func TestDroppedFragmentTakesTheRestAlong(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	a := newAsker(t, d, nil)
	piece := func(field uint16) []byte {
		return with(packet(t, grayPop, red1, ""), func(p []byte) { binary.BigEndian.PutUint16(p[6:], field) })
	}
	first, last := piece(0x2000), piece(100)
	if v := a.ask(queue.Packet{Hook: queue.Prerouting, In: grayIf, Payload: first}); v.Action == netlabel.Drop {
		t.Fatalf("first: %s", v.Reason)
	}
	if v := a.ask(queue.Packet{Hook: queue.Forward, In: grayIf, Out: blueIf, Payload: first}); v.Reason != netlabel.ReasonEgressZone {
		t.Fatalf("first, routed elsewhere: %s %s", v.Action, v.Reason)
	}
	if v := a.ask(queue.Packet{Hook: queue.Prerouting, In: grayIf, Payload: last}); v.Reason != netlabel.ReasonFragmentRefused {
		t.Errorf("last: %s %s, want %q", v.Action, v.Reason, netlabel.ReasonFragmentRefused)
	}
}

// TestMemoryFollowsZones: what is remembered by the numbers of zones ends with
// them, and with nothing else.
func TestMemoryFollowsZones(t *testing.T) {
	path := write(t, settings, rules, hosts)
	d, _ := newDaemon(t, path)
	a := newAsker(t, d, nil)
	remembered := func() *memory.Memory {
		a.ask(queue.Packet{Hook: queue.Prerouting, In: redIf, Payload: packet(t, red1, grayPop, foo3)})
		return a.judge.memory
	}
	first := remembered()
	d.reload(t)
	if remembered() != first {
		t.Error("forgotten by a reload that leaves the zones as they were")
	}
	red, rest, _ := strings.Cut(settings, "[[zone]]\nname = \"blue\"")
	head, red, _ := strings.Cut(red, "[[zone]]\n")
	if err := os.WriteFile(path, []byte(head+"[[zone]]\nname = \"blue\""+rest+"[[zone]]\n"+red), 0o644); err != nil {
		t.Fatal(err)
	}
	d.reload(t)
	if z, _ := d.live.load().snapshot.ZoneNamed("red"); z != 3 {
		t.Fatalf("red is zone %d", z)
	}
	if remembered() == first {
		t.Error("remembered by numbers that stand for other zones now")
	}
}
