package ipv4

import (
	"bytes"
	"testing"
)

func TestCutQuote(t *testing.T) {
	for _, options := range [][]byte{nil, cipsoOption(16)} {
		quoted := makePacket(options, 17, counting(60))
		header := MinHeaderLen + len(options)
		for _, tt := range []struct {
			name        string
			quote, want int
		}{
			{"all of it", len(quoted), header + 8},
			{"a byte too much", header + 9, header + 8},
			{"as much as there must be", header + 8, header + 8},
			{"less", header + 3, header + 3},
			{"a header only", header, header},
			{"not even that", 12, 12},
		} {
			p := icmpError(3, quoted[:tt.quote])
			n := CutQuote(p)
			if want := MinHeaderLen + 8 + tt.want; n != want {
				t.Errorf("%s, %d bytes of options: %d bytes are left, want %d", tt.name, len(options), n, want)
				continue
			}
			var v View
			if f := v.Parse(p[:n], Strict); f.Code != NoFault || len(v.Packet) != n || Checksum(p[MinHeaderLen:n]) != 0 {
				t.Errorf("%s: % x", tt.name, p[:n])
			}
			if !bytes.Equal(p[MinHeaderLen+8:n], quoted[:tt.want]) {
				t.Errorf("%s: quotes % x", tt.name, p[MinHeaderLen+8:n])
			}
		}
	}
	// Whatever it is given, it stays within it.
	for n := range 80 {
		p := counting(n)
		if got := CutQuote(p); got != n {
			t.Errorf("%d bytes of something else: %d", n, got)
		}
	}
}
