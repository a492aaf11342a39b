package judge

import (
	"bytes"
	"testing"

	"labelgate/internal/ipv4"
	"labelgate/internal/mark"
	"labelgate/internal/queue"
)

// FuzzHandle: whatever bytes come, at whatever hook and with whatever mark, one
// after the other so that they are remembered, are answered without a panic, and
// none that is ready for a zone that refuses labels shows one.
func FuzzHandle(f *testing.F) {
	d, _ := newDaemon(f, write(f, settings, rules, hosts))
	foo, _ := d.live.load().snapshot.Policy().Lookup("Foo")
	waits, _ := mark.ForLabel(1, 0, uint32(foo))
	const held = "01010101010101010101010101010000"
	add := func(translated bool, hook queue.Hook, in, out byte, m mark.Mark, first, second []byte) {
		f.Add(translated, uint8(hook), in, out, uint32(m), first, second)
	}
	sent := packet(f, red1, grayPop, foo3)
	piece := func(field uint16) []byte {
		return with(packet(f, red1, grayPop, foo3), func(p []byte) { p[6], p[7] = byte(field>>8), byte(field) })
	}
	add(false, queue.Prerouting, redIf, 0, 0, sent, piece(0x2000))
	add(true, queue.Prerouting, redIf, 0, 0, piece(0x2000), piece(0x000a))
	add(false, queue.Forward, redIf, grayIf, waits, packet(f, red1, grayPop, held), nil)
	add(false, queue.Prerouting, redIf, 0, 0, sent, unreachable(f, red1, grayPop, foo3, sent))
	add(false, queue.Forward, grayIf, redIf, 0, large(packet(f, grayPop, red1, ""), 1500), unreachable(f, grayPop, red1, "", sent))
	add(false, queue.Output, 0, grayIf, 0, unreachable(f, gate, grayPop, foo3, sent), sent)
	add(false, queue.Input, grayIf, 0, mark.Local, unreachable(f, grayPop, gate, "", packet(f, gate, grayPop, foo3)), nil)
	f.Fuzz(func(t *testing.T, translated bool, hook, in, out uint8, m uint32, first, second []byte) {
		d.live.translated.Store(translated)
		a := newAsker(t, d, unheard{})
		if len(first) > maxPacket || len(second) > maxPacket {
			return
		}
		for _, b := range [][]byte{first, summed(first), summed(second), summed(first)} {
			p := queue.Packet{
				Hook: queue.Hook(hook % 5), Protocol: ethertypeIPv4, In: uint32(in), Out: uint32(out), Mark: m, Payload: bytes.Clone(b),
			}
			verdicts := make([]queue.Verdict, 1)
			a.Handle([]queue.Packet{p}, verdicts)
			v := verdicts[0]
			if !bytes.Equal(p.Payload, b) {
				t.Fatal("the packet was changed in place")
			}
			if !v.Accept && (v.SetMark || v.Payload != nil) {
				t.Fatalf("a drop with a mark or a payload: %+v", v)
			}
			if ready := mark.Mark(v.Mark); v.Accept && ready.IsJudged() && !ready.IsPending() && ready.Zone() == 3 {
				if v.Payload != nil {
					b = v.Payload
				}
				shown(t, b)
			}
		}
	})
}

// summed returns a packet whose length and checksums are right, as far as it has a
// header.
func summed(b []byte) []byte {
	b = bytes.Clone(b)
	if len(b) < 20 || int(b[0]&15)*4 < 20 || int(b[0]&15)*4 > len(b) {
		return b
	}
	b = with(b, func(p []byte) { p[2], p[3] = byte(len(p)>>8), byte(len(p)) })
	if message := b[int(b[0]&15)*4:]; b[9] == 1 && len(message) >= 8 {
		message[2], message[3] = 0, 0
		sum := ipv4.Checksum(message)
		message[2], message[3] = byte(sum>>8), byte(sum)
	}
	return b
}

// shown fails the test when a packet has a label in its header, or in one that it
// quotes as an ICMP error.
func shown(t *testing.T, b []byte) {
	var v ipv4.View
	if f := v.Parse(b, ipv4.Strict); f.Code != ipv4.NoFault || v.CIPSO != 0 {
		t.Fatalf("fault %v, label at %d:\n% x", f, v.CIPSO, b)
	}
	r, ok := v.Report()
	if !ok || !r.Usable {
		return
	}
	quote := v.Packet[v.HeaderLen+8:]
	if bytes.IndexByte(quote[20:int(quote[0]&15)*4], 134) >= 0 {
		t.Fatalf("it quotes a label:\n% x", b)
	}
}
