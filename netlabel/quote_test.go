package netlabel

import (
	"bytes"
	"testing"

	"labelgate/engine"
)

// TestQuote: who gets an ICMP error sees in it the packet that he sent: with his
// label as it is in his own domain, or with none. Nobody is shown another side's.
func TestQuote(t *testing.T) {
	s := compile(t, strictSpec())
	foo := mustLabel(t, s, "Foo")
	foo16 := hexOf(s.Encoding(16, foo))
	tests := []struct {
		name      string
		direction Direction
		zone      string
		src, dst  string
		options   string // of the error
		reported  engine.Label
		shows     string // options in the quote as it came
		action    Action
		quoted    string // and as it leaves
	}{
		{"to a single-label host", Forward, "red", red1, grayPop, foo3, foo, foo3, Strip, ""},
		{"into another domain", Forward, "red", red1, blue1, foo3, foo, foo3, Replace, foo16},
		{"within one domain", Forward, "red", red1, green1, foo3, foo, foo3, Pass, foo3},
		{"from a single-label host", Forward, "gray", grayPop, red1, "", foo, "", Add, foo3},
		{"from one that was shown a label", Forward, "gray", grayPop, red1, "", foo, foo16, Add, foo3},
		{"between single-label hosts", Forward, "gray", grayWeb, greenFoo, "", foo, foo3, Pass, ""},
		{"of this machine", Output, "", "10.4.0.254", grayPop, "", foo, foo3, Pass, ""},
		{"of this machine to a labeled host", Output, "", "10.1.0.254", red1, "", foo, "", Add, foo3},
		{"to this machine", Input, "gray", grayWeb, "10.4.0.254", "", 0, foo3, Pass, foo3},
		{"about what nobody remembers", Forward, "red", red1, blue1, foo3, 0, foo3, Replace, foo16},
		{"about that, from a single-label host", Forward, "gray", grayPop, green1, "", 0, foo3, Add, hexOf(s.Encoding(3, mustLabel(t, s, "Pop")))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sent := packet(t, tt.dst, tt.src, tt.quoted, 17, udp(40))
			shown := packet(t, tt.dst, tt.src, tt.shows, 17, udp(40))
			p := packet(t, tt.src, tt.dst, tt.options, 1, icmp(3, 3, append([]byte{0, 0, 0, 0}, shown...)...))
			out := make([]byte, len(p)+MaxGrowth)
			v := s.ProcessKnown(tt.direction, zoneNamed(t, s, tt.zone), p, out, Known{Subject: tt.reported, From: FromFlow, Reported: tt.reported})
			if v.Action != tt.action {
				t.Fatalf("%s %s, want %s", v.Action, v.Reason, tt.action)
			}
			leaving := p
			if v.Length != 0 {
				leaving = out[:v.Length]
			}
			checkHeader(t, leaving)
			body := leaving[int(leaving[0]&15)*4:]
			if sum(append(body[:len(body):len(body)], 0)) != 0 {
				t.Error("the message's checksum is wrong")
			}
			if v.SubjectFrom == FromFlow && tt.direction == Forward {
				// The sender of the error has no such label: he quotes, and says no more.
				sent = sent[:int(sent[0]&15)*4+8]
			}
			if !bytes.Equal(body[8:], sent) {
				t.Errorf("quoted\n% x, want\n% x", body[8:], sent)
			}
		})
	}
}

// TestQuotedMTU: a router that reports the size of its link knows nothing of the
// option that was added before it.
func TestQuotedMTU(t *testing.T) {
	s := compile(t, strictSpec())
	pop := mustLabel(t, s, "Pop")
	for _, tt := range []struct{ grew, mtu, want int }{{16, 1400, 1384}, {0, 1400, 1400}, {-16, 1400, 1400}, {40, 70, 68}, {16, 0, 0}} {
		quoted := packet(t, grayPop, red1, hexOf(s.Encoding(3, pop)), 17, udp(40))
		p := packet(t, red2, grayPop, "", 1, icmp(3, 4, append([]byte{0, 0, byte(tt.mtu >> 8), byte(tt.mtu)}, quoted...)...))
		out := make([]byte, len(p)+MaxGrowth)
		v := s.ProcessKnown(Forward, zoneNamed(t, s, "red"), p, out, Known{Subject: pop, From: FromFlow, Reported: pop, Grew: tt.grew})
		if v.Action != Pass {
			t.Fatalf("%s %s", v.Action, v.Reason)
		}
		if got := int(out[26])<<8 | int(out[27]); got != tt.want {
			t.Errorf("MTU %d of a datagram that grew by %d is told as %d, want %d", tt.mtu, tt.grew, got, tt.want)
		}
	}
}

// TestOwnErrorIsLeftAlone: what this gateway writes about a packet that it dropped
// quotes that packet as it came, its faults included.
func TestOwnErrorIsLeftAlone(t *testing.T) {
	s := compile(t, strictSpec())
	quoted := packet(t, red1, grayPop, "8606000000038607", 17, udp(4))
	p := packet(t, "10.1.0.254", red1, "", 1, icmp(12, 0, append([]byte{21, 0, 0, 0}, quoted...)...))
	out := make([]byte, len(p)+MaxGrowth)
	v := s.ProcessKnown(Output, 0, p, out, Known{Subject: mustLabel(t, s, "Foo"), From: FromFlow, Own: true})
	if v.Action != Add || options(out[:v.Length]) != pad(foo3) || !bytes.HasSuffix(out[:v.Length], p[20:]) {
		t.Errorf("%s %s: % x leaves", v.Action, v.Reason, out[:v.Length])
	}
}
