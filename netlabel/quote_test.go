package netlabel

import (
	"bytes"
	"testing"
)

// TestProcessQuotedLabel: an error about a labeled packet shows its label to
// nobody who would see another one, or none, on his own cable.
func TestProcessQuotedLabel(t *testing.T) {
	s := compile(t, strictSpec())
	tests := []struct {
		name      string
		direction Direction
		zone      string
		src, dst  string
		options   string
		action    Action
		kept      bool
	}{
		{"to a single-label host", Forward, "red", red1, grayPop, foo3, Strip, false},
		{"into another domain", Forward, "red", red1, blue1, foo3, Replace, false},
		{"within one domain", Forward, "red", red1, green1, foo3, Pass, true},
		{"from a single-label host", Forward, "gray", grayPop, red1, "", Add, false},
		{"between single-label hosts", Forward, "gray", grayWeb, greenFoo, "", Pass, false},
		{"of this machine", Output, "", "10.4.0.254", grayWeb, "", Pass, false},
		{"to this machine", Input, "gray", grayWeb, "10.4.0.254", "", Pass, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			quoted := packet(t, tt.dst, tt.src, foo3, 17, udp(40))
			p := packet(t, tt.src, tt.dst, tt.options, 1, append([]byte{3, 3, 0, 0, 0, 0, 0, 0}, quoted...))
			out := make([]byte, len(p)+MaxGrowth)
			v := s.Process(tt.direction, zoneNamed(t, s, tt.zone), p, out)
			if v.Action != tt.action {
				t.Fatalf("%s %s, want %s", v.Action, v.Reason, tt.action)
			}
			leaving := p
			if v.Length != 0 {
				leaving = out[:v.Length]
			}
			checkHeader(t, leaving)
			body := leaving[int(leaving[0]&15)*4:]
			if sum(body) != sum(p[int(p[0]&15)*4:]) {
				t.Error("the sum over the message has changed")
			}
			if kept := bytes.Equal(body[8:], quoted); kept != tt.kept {
				t.Errorf("quoted as it was: %v\n% x", kept, body[8:])
			}
			if kept := bytes.IndexByte(body[28:28+16], 134) >= 0; kept != tt.kept {
				t.Errorf("label in the quote: %v", kept)
			}
		})
	}
}
