package judge

import (
	"strings"
	"testing"

	"labelgate/engine"
	"labelgate/internal/queue"
)

// TestAbout: who hears of a drop, and under which label. An error has the label of
// its packet, unless that is none or one that its sender may not be told either.
func TestAbout(t *testing.T) {
	only := strings.Replace(settings, "doi = 16\n[[zone]]", "doi = 16\nonly = [\"Pop\", \"Gate\"]\n[[zone]]", 1)
	d, _ := newDaemon(t, write(t, only, rules, hosts))
	tests := []struct {
		name     string
		in       uint32
		src, dst string
		options  string
		kind     string // type and code, "" for nothing
		label    string
	}{
		{"no rule", redIf, red1, grayNone, foo3, "\x03\x09", "Foo"},
		{"no label", redIf, red1, grayPop, "01010101", "\x0c\x01", "Gate"},
		{"unknown label", redIf, red1, grayPop, "860b00000003010500094000", "\x03\x09", "Gate"},
		{"the label @", redIf, red1, grayPop, "860b00000003010500fa2000", "\x03\x09", "Gate"},
		{"the label *", redIf, red1, grayPop, "860b00000003010500fa1500", "\x03\x09", "Gate"},
		{"a label that its zone may not use", blueIf, blue1, grayPop, foo16, "\x03\x09", "Gate"},
		{"broken label", redIf, red1, grayPop, "860c0000000303060000fa20", "\x0c\x00", "Gate"},
		{"from who refuses labels", grayIf, grayPop, red1, foo3, "", ""},
		{"under another's address", redIf, blue1, grayPop, foo3, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var post fakeErrors
			j := newJudge(&d.live, d.links, new(seen), &post)
			p := queue.Packet{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: tt.in, Payload: packet(t, tt.src, tt.dst, tt.options)}
			j.Handle([]queue.Packet{p}, make([]queue.Verdict, 1))
			sent := post.sent
			if tt.kind == "" {
				if len(sent) != 0 {
					t.Fatalf("%x was sent", sent[0].Message)
				}
				return
			}
			if len(sent) != 1 || string(sent[0].Message[:2]) != tt.kind || sent[0].To.String() != tt.src {
				t.Fatalf("%+v was sent, want %x to %s", sent, tt.kind, tt.src)
			}
			if got := d.live.load().snapshot.LabelName(engine.Label(sent[0].Label)); got != tt.label {
				t.Errorf("labeled %q, want %q", got, tt.label)
			}
		})
	}
}
