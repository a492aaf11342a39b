package ipv4

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestChecksum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	buf := make([]byte, 2100)
	for i := range buf {
		buf[i] = byte(r.Uint32())
	}
	for n := range 200 {
		for o := range 9 {
			if got, want := Checksum(buf[o:o+n]), naiveChecksum(buf[o:o+n]); got != want {
				t.Fatalf("%d bytes from %d: %#04x, want %#04x", n, o, got, want)
			}
		}
	}
	for _, b := range [][]byte{
		nil, {0}, {0xff}, {0xff, 0xff}, bytes.Repeat([]byte{0xff}, 15), bytes.Repeat([]byte{0xff}, 65535), bytes.Repeat([]byte{0}, 60), buf,
		append(bytes.Repeat([]byte{0xff}, 15), 0xfe), append(bytes.Repeat([]byte{0}, 63), 1),
	} {
		if got, want := Checksum(b), naiveChecksum(b); got != want {
			t.Errorf("% x...: %#04x, want %#04x", b[:min(len(b), 8)], got, want)
		}
	}
}
