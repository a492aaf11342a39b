package ipv4

import (
	"fmt"
	"testing"
)

func TestTiny(t *testing.T) {
	for _, tt := range []struct {
		name  string
		proto uint8
		fixed int
	}{
		{"TCP", 6, 20}, {"UDP", 17, 8}, {"ICMP", 1, 8}, {"SCTP", 132, 12}, {"DCCP", 33, 12}, {"UDP-Lite", 136, 8}, {"ESP", 50, 8}, {"IP in IP", 4, 8},
	} {
		for n := range 101 {
			for _, options := range [][]byte{nil, cipsoOption(20)} {
				t.Run(fmt.Sprintf("%s/%d/%d", tt.name, n, len(options)), func(t *testing.T) {
					whole := makePacket(options, tt.proto, counting(n))
					first := change(whole, 6, 0x20)
					if mustParse(t, whole, Strict).Tiny() {
						t.Error("a whole packet is no fragment")
					}
					if got := mustParse(t, first, Strict).Tiny(); got != (n < tt.fixed) {
						t.Errorf("first fragment: %v", got)
					}
				})
			}
		}
	}
	for _, more := range []byte{0, 0x20} {
		for units := range 30 {
			p := change(makePacket(nil, 6, counting(100)), 6, more, 7, byte(units))
			if got, want := mustParse(t, p, Strict).Tiny(), units > 0 && units*8 < 80; got != want {
				t.Errorf("offset %d, more %#x: %v", units*8, more, got)
			}
		}
	}
	late := change(makePacket(nil, 6, counting(100)), 6, 0x1f, 7, 0)
	if mustParse(t, late, Strict).Tiny() {
		t.Error("late fragment")
	}
	if new(View).Tiny() {
		t.Error("nothing is no fragment")
	}
}
