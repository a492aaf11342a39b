package ipv4

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

// poison marks bytes of an earlier packet in the buffer for the result.
const poison = 0x53

func poisoned(n int) []byte { return bytes.Repeat([]byte{poison}, n) }

// Headers worked out and checked by other means.
func TestRewriteHeaders(t *testing.T) {
	const (
		none   = "45000020 12344000 40113c62 c0000201 c6336402"
		foo    = "49000030 12344000 4011c586 c0000201 c6336402 860e0000 00030108 00fa3337 b7800000"
		secret = "49000030 12344000 4011a214 c0000201 c6336402 86100000 0003010a 00fa29b2 b1b932ba"
		doi16  = "4800002c 12344000 40118830 c0000201 c6336402 860b0000 00100105 00052a00"
		alert  = "4a000034 12344000 4011307e c0000201 c6336402 94040000 860e0000 00030108 00fa3337 b7800000"
		blank  = "49000030 12344000 4011314b c0000201 c6336402 01010101 01010101 01010101 01010000"

		optFoo    = "860e000000030108 00fa3337b780"
		optSecret = "86100000 0003010a 00fa29b2 b1b932ba"
		opt16     = "860b0000 00100105 00052a"
	)
	payload := counting(12)
	tests := []struct {
		name, from, option, to string
	}{
		{"add foo", none, optFoo, foo},
		{"add Secret", none, optSecret, secret},
		{"add in DOI 16", none, opt16, doi16},
		{"remove foo: layer 4 too short", foo, "", blank},
		{"remove in DOI 16", doi16, "", none},
		{"replace by the same", foo, optFoo, foo},
		{"replace by the same length", foo, optSecret, secret},
		{"replace by less", secret, opt16, doi16},
		{"replace by more", doi16, optFoo, foo},
		{"add over NOPs", blank, optFoo, foo},
		{"remove NOPs: layer 4 too short", blank, "", blank},
		{"blank", foo, "blank", blank},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := mustParse(t, append(unhex(t, tt.from), payload...), Strict)
			out := poisoned(100)
			var n int
			var ok bool
			switch tt.option {
			case "blank":
				n, ok = v.Blank(out)
			case "":
				n, ok = v.Rewrite(out, nil)
			default:
				n, ok = v.Rewrite(out, unhex(t, tt.option))
			}
			if !ok {
				t.Fatal("refused")
			}
			wantPacket(t, out[:n], append(unhex(t, tt.to), payload...))
			mustParse(t, out[:n], Strict)
		})
	}
	// With 16 bytes of layer 4 the option can go.
	for _, area := range []string{foo[45:], secret[45:], alert[54:], blank[45:]} {
		v := mustParse(t, makePacket(unhex(t, area), 17, counting(16)), Strict)
		out := poisoned(100)
		n, ok := v.Rewrite(out, nil)
		if !ok {
			t.Fatal("refused")
		}
		wantPacket(t, out[:n], makePacket(nil, 17, counting(16)))
	}
	v := mustParse(t, append(unhex(t, alert), payload...), Strict)
	if v.Others != RouterAlert || v.CIPSO != 24 {
		t.Errorf("router alert and CIPSO read as %b and %d", v.Others, v.CIPSO)
	}
}

func TestRewriteOthers(t *testing.T) {
	tests := []struct {
		name, from, option, to string
	}{
		{"CIPSO goes first", "94040000 01 860c 00000003010600fa2080", "8608000000030102", "8608000000030102 94040000"},
		{"order kept, NOPs dropped", "01 830304 01 94040000 01 1e02", "8608000000030102", "8608000000030102 830304 94040000 1e02 000000"},
		{"removed from between", "830304 8608000000030102 94040000 00", "", "830304 94040000 00"},
		{"option of 2 bytes", "1e02 8602", "", "1e02 0000"},
		{"hidden data dropped", "94040000 00 860c00000003010600fa2080 000000", "", "94040000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := mustParse(t, makePacket(unhex(t, tt.from), 6, counting(40)), Compat)
			out := poisoned(200)
			var option []byte
			if tt.option != "" {
				option = unhex(t, tt.option)
			}
			n, ok := v.Rewrite(out, option)
			if !ok {
				t.Fatal("refused")
			}
			wantPacket(t, out[:n], makePacket(unhex(t, tt.to), 6, counting(40)))
			mustParse(t, out[:n], Strict)
			if !bytes.Equal(out[n:], poisoned(len(out)-n)) {
				t.Error("bytes behind the result changed")
			}
		})
	}
}

func TestRewriteRefuses(t *testing.T) {
	plain := makePacket(nil, 17, counting(40))
	full := makePacket(append(bytes.Clone(cipsoOption(12)), append([]byte{0x5e, 28}, counting(26)...)...), 17, counting(40))
	large := makePacket(nil, 17, counting(65535-20))
	short := makePacket(cipsoOption(40), 17, counting(4))
	at := func(offset int, p []byte) []byte {
		binary.BigEndian.PutUint16(p[6:], uint16(offset/8))
		fixChecksum(p)
		return p
	}
	atEnd := at(65472, makePacket(nil, 17, counting(43))) // of 65515 bytes
	labeledAtEnd := at(65456, makePacket(cipsoOption(12), 17, counting(47)))
	tests := []struct {
		name   string
		packet []byte
		option []byte
		room   int
		ok     bool
	}{
		{"room", plain, cipsoOption(12), 72, true},
		{"out too short by one", plain, cipsoOption(12), 71, false},
		{"out too short for the padding", plain, cipsoOption(13), 75, false},
		{"nil out", plain, nil, 0, false},
		{"40 bytes of options", full, cipsoOption(12), 100, true},
		{"41 bytes of options", full, cipsoOption(13), 200, false},
		{"41 bytes alone", plain, append(cipsoOption(40), 0), 200, false},
		{"65535 bytes stay", large, nil, 65535, true},
		{"65536 bytes", large, cipsoOption(8), 70000, false},
		{"end of the longest datagram stays", atEnd, nil, 100, true},
		{"end of the longest datagram grows", atEnd, cipsoOption(8), 100, false},
		{"end of the longest labeled datagram shrinks", labeledAtEnd, nil, 100, true},
		{"end of the longest labeled datagram stays", labeledAtEnd, cipsoOption(11), 100, true},
		{"end of the longest labeled datagram grows", labeledAtEnd, cipsoOption(13), 100, false},
		{"short of the end by what it grows", at(65456, makePacket(nil, 17, counting(47))), cipsoOption(12), 100, true},
		{"empty option", plain, []byte{}, 100, false},
		{"one byte", plain, []byte{134}, 100, false},
		{"not CIPSO", plain, []byte{130, 4, 0, 0}, 100, false},
		{"padded option", plain, append(cipsoOption(10), 0, 0), 100, false},
		{"length byte too long", plain, cipsoOption(12)[:11], 100, false},
		{"short packet, out too short to blank", short, nil, 63, false},
		{"short packet, out just long enough", short, nil, 64, true},
		{"short packet, out too short to replace", short, cipsoOption(8), 63, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := mustParse(t, tt.packet, Strict)
			out := poisoned(tt.room)
			n, ok := v.Rewrite(out, tt.option)
			if ok != tt.ok {
				t.Fatalf("%v, %d", ok, n)
			}
			if !ok && (n != 0 || !bytes.Equal(out, poisoned(tt.room))) {
				t.Error("refused, but wrote")
			}
		})
	}
	v := mustParse(t, plain, Strict)
	if _, ok := v.Blank(make([]byte, len(plain)-1)); ok {
		t.Error("blanked into a short buffer")
	}
	if _, ok := new(View).Rewrite(make([]byte, 100), nil); ok {
		t.Error("zero view rewritten")
	}
	if _, ok := new(View).Blank(make([]byte, 100)); ok {
		t.Error("zero view blanked")
	}
}

// The kernel drops a verdict packet shorter than the header before, see Rewrite.
func TestRewriteKeepsHeaderOfShortPacket(t *testing.T) {
	for l4 := range 45 {
		p := makePacket(cipsoOption(40), 17, counting(l4))
		v := mustParse(t, p, Strict)
		for _, tt := range []struct {
			name   string
			option []byte
			shrink int
		}{
			{"remove", nil, 40},
			{"replace by 8", cipsoOption(8), 32},
			{"replace by 21", cipsoOption(21), 16},
			{"replace by 40", cipsoOption(40), 0},
		} {
			out := poisoned(200)
			n, ok := v.Rewrite(out, tt.option)
			want := len(p)
			if l4 >= tt.shrink {
				want -= tt.shrink
			}
			if !ok || n != want || n < v.HeaderLen {
				t.Fatalf("%s, layer 4 of %d: %d bytes, want %d", tt.name, l4, n, want)
			}
		}
	}
}

// layouts returns option areas of n bytes with CIPSO options of several lengths
// in several places.
func layouts(n int) map[string][]byte {
	m := map[string][]byte{}
	put := func(name string, parts ...[]byte) {
		if b := bytes.Join(parts, nil); len(b) == n {
			m[name] = b
		}
	}
	other := func(n int) []byte { return append([]byte{0x5e, byte(n)}, counting(max(n-2, 0))...)[:n] }
	put("end", make([]byte, n))
	put("NOP", bytes.Repeat([]byte{1}, n))
	if n >= 2 {
		put("CIPSO", cipsoOption(n))
		put("other", other(n))
	}
	if n >= 8 {
		put("NOP, CIPSO, end", []byte{1}, cipsoOption(n-4), []byte{0, 0, 0})
		put("CIPSO, other", cipsoOption(n-n/2), other(n/2))
		put("other, CIPSO", other(n/2), cipsoOption(n-n/2))
		put("other, NOP, CIPSO, other", other(2), []byte{1}, cipsoOption(n-5), other(2))
		put("CIPSO, end, hidden CIPSO", cipsoOption(n-4), []byte{0, 134, 3, 0})
	}
	return m
}

func TestRewriteExhaustively(t *testing.T) {
	var options [][]byte
	for _, n := range []int{8, 10, 11, 12, 13, 16, 23, 36, 37, 40} {
		options = append(options, cipsoOption(n))
	}
	out := make([]byte, 200)
	done := 0
	for size := range 41 {
		for name, area := range layouts(size) {
			for l4 := range 65 {
				p := makePacket(area, 17, counting(l4))
				var v View
				if f := v.Parse(p, Compat); f.Code != NoFault {
					t.Fatalf("%s: %v at %d", name, f.Code, f.Pointer)
				}
				check := func(what string, n int, ok bool, want []byte) {
					t.Helper()
					done++
					if ok != (want != nil) {
						t.Fatalf("%s, %d of options, %d of layer 4, %s: %v", name, size, l4, what, ok)
					}
					if !ok {
						return
					}
					if !bytes.Equal(out[:n], want) {
						t.Fatalf("%s, %d of options, %d of layer 4, %s:\ngot  % x\nwant % x", name, size, l4, what, out[:n], want)
					}
					mustParse(t, out[:n], Strict)
					if n < v.HeaderLen {
						t.Fatalf("%s, %d of options, %d of layer 4, %s: the kernel would drop it", name, size, l4, what)
					}
				}
				fill(out)
				n, ok := v.Blank(out)
				check("blank", n, ok, wantBlank(p))
				fill(out)
				n, ok = v.Rewrite(out, nil)
				check("remove", n, ok, wantRewrite(p, nil))
				for _, o := range options {
					fill(out)
					n, ok = v.Rewrite(out, o)
					check(fmt.Sprintf("put on %d", len(o)), n, ok, wantRewrite(p, o))
				}
			}
		}
	}
	t.Logf("%d results", done)
}

func fill(b []byte) {
	for i := range b {
		b[i] = poison
	}
}

// The result may be written over the packet itself, wherever it starts.
func TestRewriteOverlapping(t *testing.T) {
	for _, area := range [][]byte{nil, cipsoOption(12), cipsoOption(40), append([]byte{0x94, 4, 0, 0}, cipsoOption(20)...)} {
		for _, option := range [][]byte{nil, cipsoOption(8), cipsoOption(20), cipsoOption(36)} {
			p := makePacket(area, 17, counting(100))
			want := wantRewrite(p, option)
			for shift := -60; shift <= 60; shift++ {
				buf := poisoned(400)
				copy(buf[100:], p)
				var v View
				if f := v.Parse(buf[100:], Strict); f.Code != NoFault {
					t.Fatal(f)
				}
				out := buf[100+shift:]
				n, ok := v.Rewrite(out, option)
				if ok != (want != nil) {
					t.Fatal(ok)
				}
				if ok && !bytes.Equal(out[:n], want) {
					t.Fatalf("shift %d: % x", shift, out[:n])
				}
			}
		}
	}
	p := makePacket(cipsoOption(12), 17, counting(100))
	want := wantBlank(p)
	v := mustParse(t, p, Strict)
	if n, ok := v.Blank(p); !ok || n != len(p) {
		t.Fatal("refused")
	}
	wantPacket(t, p, want)
}
