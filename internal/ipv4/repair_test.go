package ipv4

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestRepairQuote(t *testing.T) {
	option, other := cipsoOption(14), cipsoOption(24)
	alert := []byte{148, 4, 0, 0}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	udp := func(options ...[]byte) []byte { return makePacket(join(options...), 17, counting(30)) }
	nops := func(n int) []byte { return bytes.Repeat([]byte{1}, n) }
	const unreachable, tooBig = "0303 0000 0000 0000", "0304 0000 0000 05dc"
	tests := []struct {
		name       string
		head       string
		quoted     []byte
		option     []byte
		less       int
		wantHead   string
		wantQuoted []byte // nil: unchanged
	}{
		{"remove", unreachable, udp(option), nil, 0, unreachable, udp()},
		{"put in", unreachable, udp(), option, 0, unreachable, udp(option)},
		{"replace by more", unreachable, udp(option), other, 0, unreachable, udp(other)},
		{"replace by less", unreachable, udp(other), option, 0, unreachable, udp(option)},
		{"replace by the same", unreachable, udp(option), option, 0, unreachable, nil},
		{"nothing to remove", unreachable, udp(), nil, 0, unreachable, nil},
		{"source quench", "0400 0000 0000 0000", udp(option), nil, 0, "0400 0000 0000 0000", udp()},
		{"redirect", "0501 0000 0a00 0001", udp(option), nil, 0, "0501 0000 0a00 0001", udp()},
		{"time exceeded", "0b00 0000 0000 0000", udp(option), nil, 0, "0b00 0000 0000 0000", udp()},

		{"beside another: remove", unreachable, udp(alert, option), nil, 0, unreachable, udp(alert)},
		{"beside another: it comes first", unreachable, udp(alert), option, 0, unreachable, udp(option, alert)},
		{"between others", unreachable, udp(alert, nops(1), option, []byte{30, 3, 7}), nil, 0, unreachable, udp(alert, []byte{30, 3, 7})},
		{"NOPs go", unreachable, udp(nops(14)), option, 0, unreachable, udp(option)},
		{"NOPs and others stay where there was no label", unreachable, udp(nops(3), alert, nops(1)), nil, 0, unreachable, nil},
		{"behind the end", unreachable, udp([]byte{0, 0}, option), nil, 0, unreachable, udp()},
		{"rest behind the end", unreachable, udp(alert, []byte{0, 0, 0, 9}), nil, 0, unreachable, udp(alert)},
		{"two labels", unreachable, udp(alert, option, option), nil, 0, unreachable, udp()},
		{"two labels for one", unreachable, udp(alert, option, option), option, 0, unreachable, udp(option)},
		{"length 0", unreachable, udp([]byte{148, 4, 0, 0, 134, 0, 0, 0}), nil, 0, unreachable, udp()},
		{"length 1", unreachable, udp([]byte{148, 4, 0, 0, 134, 1, 0, 0}), option, 0, unreachable, udp(option)},
		{"past the header", unreachable, udp([]byte{148, 4, 0, 0, 134, 5, 0, 0}), nil, 0, unreachable, udp()},
		{"no length", unreachable, udp([]byte{148, 4, 0, 0, 1, 1, 1, 134}), nil, 0, unreachable, udp()},
		{"contradiction without a label", unreachable, udp([]byte{148, 4, 0, 0, 7, 0, 0, 0}), nil, 0, unreachable, udp()},
		{"a label in another option", unreachable, udp([]byte{0x9e, 8, 134, 6, 0, 0, 0, 3}, alert), nil, 0, unreachable, udp()},
		{"a label in another option, one put in", unreachable, udp([]byte{0x9e, 8, 134, 6, 0, 0, 0, 3}, alert), option, 0, unreachable, udp(option)},
		{"134 in a recorded address", unreachable, udp([]byte{7, 7, 8, 134, 1, 2, 3}), nil, 0, unreachable, udp()},
		{"134 in the label put in", unreachable, udp(), []byte{134, 8, 0, 0, 0, 134, 7, 2}, 0, unreachable, udp([]byte{134, 8, 0, 0, 0, 134, 7, 2})},
		{"a route that Linux refuses", unreachable, udp([]byte{7, 7, 6, 1, 2, 3, 4}, option), nil, 0, unreachable, udp([]byte{7, 7, 6, 1, 2, 3, 4})},

		{"lower the MTU", tooBig, udp(), nil, 16, "0304 0000 0000 05cc", udp()},
		{"lower the MTU and remove", tooBig, udp(option), nil, 16, "0304 0000 0000 05cc", udp()},
		{"MTU to 68", "0304 0000 0000 0050", udp(), nil, 16, "0304 0000 0000 0044", udp()},
		{"MTU of 68", "0304 0000 0000 0044", udp(), nil, 16, "0304 0000 0000 0044", nil},
		{"MTU below 68", "0304 0000 0000 0032", udp(), nil, 16, "0304 0000 0000 0032", nil},
		{"MTU unknown", "0304 0000 0000 0000", udp(), nil, 16, "0304 0000 0000 0000", nil},
		{"lower without end", tooBig, udp(), nil, 1 << 62, "0304 0000 0000 0044", udp()},
		{"never raise", tooBig, udp(), nil, -1 << 62, tooBig, nil},
		{"MTU of another code", "0303 0000 0000 05dc", udp(), nil, 16, "0303 0000 0000 05dc", nil},
		{"MTU of another type", "0b04 0000 0000 05dc", udp(), nil, 16, "0b04 0000 0000 05dc", nil},
		{"MTU and a quote too short", tooBig, udp()[:19], option, 16, "0304 0000 0000 05cc", udp()[:19]},

		{"pointer before the options", "0c00 0000 0100 0000", udp(option), nil, 0, "0c00 0000 0100 0000", udp()},
		{"pointer into the label removed", "0c00 0000 1600 0000", udp(option), nil, 0, "0c00 0000 0000 0000", udp()},
		{"pointer into the label replaced", "0c00 0000 1600 0000", udp(option), other, 0, "0c00 0000 1400 0000", udp(other)},
		{"pointer into another option", "0c00 0000 2400 0000", udp(option, nops(1), alert, nops(1)), nil, 0, "0c00 0000 1500 0000", udp(alert)},
		{"pointer into another option, label put in", "0c00 0000 1600 0000", udp(alert), option, 0, "0c00 0000 2400 0000", udp(option, alert)},
		{"pointer into what was dropped", "0c00 0000 1500 0000", udp([]byte{7, 0, 0, 0}), option, 0, "0c00 0000 1400 0000", udp(option)},
		{"pointer into padding", "0c00 0000 2300 0000", udp(option), nil, 0, "0c00 0000 0000 0000", udp()},
		{"pointer behind the header", "0c00 0000 2600 0000", udp(option), nil, 0, "0c00 0000 1600 0000", udp()},
		{"pointer far behind", "0c00 0000 f500 0000", udp(), option, 0, "0c00 0000 ff00 0000", udp(option)},
		{"pointer with another code", "0c02 0000 2600 0000", udp(option), nil, 0, "0c02 0000 1600 0000", udp()},
		{"option missing", "0c01 0000 8600 0000", udp(option), nil, 0, "0c01 0000 8600 0000", udp()},
		{"no pointer elsewhere", "0b00 0000 1600 0000", udp(option), nil, 0, "0b00 0000 1600 0000", udp()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := message(t, tt.head, tt.quoted)
			want, wantR := p, QuoteUnchanged
			if tt.wantQuoted != nil {
				want, wantR = message(t, tt.wantHead, tt.wantQuoted), QuoteRepaired
			}
			got, r := checkRepair(t, p, tt.option, tt.less)
			if r != wantR {
				t.Errorf("got %v", r)
			}
			wantPacket(t, got, want)
		})
	}
}

func TestRepairQuoteRefuses(t *testing.T) {
	const head = "0303 0000 0000 0000"
	option := cipsoOption(14)
	udp := makePacket(option, 17, counting(12))
	sound := message(t, head, udp)
	wrongICMP := bytes.Clone(sound)
	wrongICMP[50] ^= 1
	wrongIP := bytes.Clone(sound)
	wrongIP[10] ^= 1
	icmp := makePacket(option, 1, unhex(t, "0b00 0000 0000 0000 45"))
	tests := []struct {
		name   string
		packet []byte
		option []byte
		want   Repair
	}{
		{"wrong ICMP checksum", wrongICMP, nil, QuoteBadChecksum},
		{"wrong ICMP checksum, nothing to do", wrongICMP, option, QuoteBadChecksum},
		{"cut off", sound[:60], option, QuoteNotError},
		{"wrong header checksum", wrongIP, nil, QuoteNotError},
		{"echo", message(t, "0800 0000 0000 0000", udp), nil, QuoteNotError},
		{"another type", message(t, "2800 0000 0000 0000", udp), nil, QuoteNotError},
		{"UDP", makePacket(nil, 17, sound[20:]), nil, QuoteNotError},
		{"version", append([]byte{0x65}, sound[1:]...), nil, QuoteNotError},
		{"header length", change(sound, 0, 0x44), nil, QuoteNotError},
		{"total length too large", change(sound, 3, 255), nil, QuoteNotError},
		{"total length too small", change(sound, 3, 27), nil, QuoteNotError},
		{"no ICMP header", makePacket(nil, 1, unhex(t, "0303 fcfc 0000 00")), nil, QuoteNotError},
		{"nothing", nil, nil, QuoteNotError},
		{"first fragment", change(sound, 6, 0x20), nil, QuoteFragment},
		{"later fragment", change(sound, 7, 9), nil, QuoteFragment},
		{"version of the quote", message(t, head, append([]byte{0x69}, udp[1:]...)), nil, QuoteNotIPv4},
		{"header length of the quote", message(t, head, append([]byte{0x44}, udp[1:]...)), nil, QuoteNotIPv4},
		{"an error", message(t, head, icmp), nil, QuoteNested},
		{"a byte of an error", message(t, head, icmp[:37]), nil, QuoteNested},
		{"later fragment of ICMP", message(t, head, change(makePacket(nil, 1, counting(24)), 7, 1)), nil, QuoteNested},
		{"no room", message(t, head, makePacket(append([]byte{7, 27, 4}, make([]byte, 24)...), 17, counting(8))), option, QuoteNoRoom},
		{"option too long", sound, append([]byte{134, 41}, make([]byte, 39)...), QuoteNoRoom},
		{"option that is none", sound, []byte{133, 4, 0, 0}, QuoteBadOption},
		{"option with another length", sound, option[:13], QuoteBadOption},
		{"two options", sound, append(cipsoOption(8), cipsoOption(8)...), QuoteBadOption},
		{"empty option", sound, []byte{}, QuoteBadOption},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			buf := append(bytes.Clone(tt.packet), poisoned(MaxOptionsLen)...)
			before := bytes.Clone(buf)
			m, r := RepairQuote(buf, len(tt.packet), tt.option, 16)
			if m != 0 || r != tt.want {
				t.Errorf("%d, %v, want %v", m, r, tt.want)
			}
			wantPacket(t, buf, before)
			if new(Repair).String() != QuoteNotError.String() {
				t.Error("the zero value is no refusal")
			}
		})
	}
	t.Run("buffer", func(t *testing.T) {
		buf := append(bytes.Clone(sound), poisoned(MaxOptionsLen)...)
		for _, n := range []int{-1 << 63, -1, len(sound) + 1, len(buf), len(buf) + 1, 1<<63 - 1} {
			if m, r := RepairQuote(buf, n, nil, 0); m != 0 || r != QuoteNoRoom {
				t.Errorf("n %d: %d, %v", n, m, r)
			}
		}
		if m, r := RepairQuote(nil, 0, nil, 0); m != 0 || r != QuoteNoRoom {
			t.Errorf("no buffer: %d, %v", m, r)
		}
	})
}

// Not refused, though odd.
func TestRepairQuoteEdges(t *testing.T) {
	const head = "0303 0000 0000 0000"
	option := cipsoOption(14)
	t.Run("link padding", func(t *testing.T) {
		p := message(t, head, makePacket(option, 17, counting(12)))
		buf := append(bytes.Clone(p), poisoned(MaxOptionsLen+7)...)
		m, r := RepairQuote(buf, len(p)+7, nil, 0)
		if r != QuoteRepaired {
			t.Fatal(r)
		}
		wantPacket(t, buf[:m], message(t, head, makePacket(nil, 17, counting(12))))
		if again, r := RepairQuote(buf, m+7, nil, 0); again != m || r != QuoteUnchanged {
			t.Errorf("%d, %v", again, r)
		}
	})
	t.Run("options of the outer header", func(t *testing.T) {
		m := message(t, head, makePacket(option, 17, counting(12)))[20:]
		want := message(t, head, makePacket(nil, 17, counting(12)))[20:]
		got, _ := checkRepair(t, makePacket(option, 1, m), nil, 0)
		wantPacket(t, got, makePacket(option, 1, want))
	})
	t.Run("a query", func(t *testing.T) {
		echo := unhex(t, "0800 0000 abcd 0001")
		got, _ := checkRepair(t, message(t, head, makePacket(option, 1, echo)), nil, 0)
		wantPacket(t, got, message(t, head, makePacket(nil, 1, echo)))
	})
	t.Run("a later fragment", func(t *testing.T) {
		got, _ := checkRepair(t, message(t, head, change(makePacket(option, 17, counting(8)), 7, 9)), nil, 0)
		wantPacket(t, got, message(t, head, change(makePacket(nil, 17, counting(8)), 7, 9)))
	})
	t.Run("a header only, of an ICMP error perhaps", func(t *testing.T) {
		q := change(makePacket(option, 1, nil), 3, 99)
		got, _ := checkRepair(t, message(t, head, q), nil, 0)
		wantPacket(t, got, message(t, head, change(makePacket(nil, 1, nil), 3, 83)))
	})
	t.Run("a packet in a packet keeps its label", func(t *testing.T) {
		inner := makePacket(option, 17, counting(8))
		got, _ := checkRepair(t, message(t, head, makePacket(option, 4, inner)), nil, 0)
		wantPacket(t, got, message(t, head, makePacket(nil, 4, inner)))
	})
	for _, tt := range []struct {
		name              string
		options, option   []byte
		total, totalAfter uint16
	}{
		{"total length", option, nil, 1500, 1484},
		{"total length of 0", option, nil, 0, 0},
		{"total length too small", option, nil, 15, 0},
		{"largest total length", nil, option, 65535, 65535},
		{"nearly the largest", nil, option, 65520, 65535},
		{"just fits", nil, option, 65519, 65535},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q, want := makePacket(tt.options, 17, counting(8)), makePacket(tt.option, 17, counting(8))
			binary.BigEndian.PutUint16(q[2:], tt.total)
			binary.BigEndian.PutUint16(want[2:], tt.totalAfter)
			got, _ := checkRepair(t, message(t, head, change(q)), tt.option, 0)
			wantPacket(t, got, message(t, head, change(want)))
		})
	}
	for _, wrong := range []byte{1, 0x80, 0xff} {
		t.Run(fmt.Sprintf("checksum off by %d", wrong), func(t *testing.T) {
			q := makePacket(option, 17, counting(8))
			q[10] ^= wrong
			was := naiveChecksum(q[:36])
			got, _ := checkRepair(t, message(t, head, q), nil, 0)
			if is := naiveChecksum(got[28:48]); is != was || is == 0 {
				t.Errorf("off by %#x, was %#x", is, was)
			}
		})
	}
}

func TestRepairQuoteLength(t *testing.T) {
	option := cipsoOption(16)
	quote := func(label []byte, n int) []byte { return makePacket(label, 17, counting(1400))[:n] }
	tests := []struct {
		name     string
		from, to []byte
		option   []byte
	}{
		{"grows to 576", quote(nil, 532), quote(option, 548), option},
		{"would be 577", quote(nil, 533), quote(option, 548), option},
		{"had 576", quote(nil, 548), quote(option, 548), option},
		{"had 577", quote(nil, 549), quote(option, 549), option},
		{"had 1428", quote(nil, 1400), quote(option, 1400), option},
		{"had 576, shrinks", quote(option, 548), quote(nil, 532), nil},
		{"had 1428, shrinks", quote(option, 1400), quote(nil, 1384), nil},
		{"grows little", quote(nil, 28), quote(option, 44), option},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := checkRepair(t, message(t, "0303 0000 0000 0000", tt.from), tt.option, 0)
			wantPacket(t, got, message(t, "0303 0000 0000 0000", tt.to))
		})
	}
	t.Run("65535", func(t *testing.T) {
		p := makePacket(nil, 1, append(unhex(t, "0303 0000 0000 0000"), makePacket(nil, 17, make([]byte, 65487))...))
		fixICMPChecksum(p[20:])
		if len(p) != 65535 {
			t.Fatal(len(p))
		}
		got, _ := checkRepair(t, p, option, 0)
		if len(got) != 65535 {
			t.Errorf("%d bytes", len(got))
		}
	})
	t.Run("all headers at their longest", func(t *testing.T) {
		q := makePacket(nil, 17, counting(1400))[:508]
		m := message(t, "0303 0000 0000 0000", q)[20:]
		got, _ := checkRepair(t, makePacket(cipsoOption(40), 1, m), cipsoOption(40), 0)
		if len(got) != 576 {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// Extension structures of RFC 4884: what a router says of its interfaces and MPLS
// labels behind the quote.
func TestRepairQuoteExtension(t *testing.T) {
	option := cipsoOption(16)
	labeled, plain := makePacket(option, 17, counting(300)), makePacket(nil, 17, counting(300))
	structure := unhex(t, "2000 dfff 0008 0101 0003 e101")
	with := func(q []byte, n int) []byte { return append(bytes.Clone(q[:n]), structure...) }
	tests := []struct {
		name           string
		head, wantHead string
		from, to       []byte
		option         []byte
	}{
		{"cut", "0b00 0000 0020 0000", "0b00 0000 0000 0000", with(labeled, 128), plain[:112], nil},
		{"cut from 3", "0304 0000 0020 05dc", "0304 0000 0000 05dc", with(labeled, 128), plain[:112], nil},
		{"cut from 12", "0c00 0000 0020 0000", "0c00 0000 0000 0000", with(plain, 128), labeled[:144], option},
		{"no length field in 4", "0400 0000 0020 0000", "0400 0000 0020 0000", with(labeled, 128), with(plain, 112), nil},
		{"an address in 5", "0500 0000 0a20 0001", "0500 0000 0a20 0001", with(labeled, 128), with(plain, 112), nil},
		{"before RFC 4884", "0b00 0000 0000 0000", "0b00 0000 0000 0000", with(labeled, 128), with(plain, 112), nil},
		{"no label", "0b00 0000 0020 0000", "0b00 0000 0020 0000", with(plain, 128), with(plain, 128), nil},
		{"other label, same length", "0b00 0000 0020 0000", "0b00 0000 0020 0000", with(labeled, 128),
			with(makePacket(cipsoOption(15), 17, counting(300)), 128), cipsoOption(15)},
		{"length past the end", "0b00 0000 00ff 0000", "0b00 0000 0000 0000", with(labeled, 128), with(plain, 112), nil},
		{"length inside the header", "0b00 0000 0005 0000", "0b00 0000 0000 0000", with(labeled, 128), plain[:28], nil},
		{"length of less than 8 bytes of data", "0b00 0000 000a 0000", "0b00 0000 0000 0000", with(labeled, 128), plain[:28], nil},
		{"length of 8 bytes of data", "0b00 0000 000b 0000", "0b00 0000 0000 0000", with(labeled, 128), plain[:28], nil},
		{"length of 12 bytes of data", "0b00 0000 000c 0000", "0b00 0000 0000 0000", with(labeled, 128), plain[:32], nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := checkRepair(t, message(t, tt.head, tt.from), tt.option, 0)
			wantPacket(t, got, message(t, tt.wantHead, tt.to))
		})
	}
}

// Quotes cut everywhere, with a label of every place and several lengths among options
// of every length. Whatever is cut, no byte of a label remains.
func TestRepairQuoteCut(t *testing.T) {
	const marker = 0xa5 // fills the labels of cipsoOption
	lead := []func(n int) []byte{
		func(n int) []byte { return bytes.Repeat([]byte{1}, n) },
		func(n int) []byte {
			b := make([]byte, n)
			for i := range b {
				b[i] = 0x11
			}
			if n >= 2 {
				b[0], b[1] = 0x9e, byte(n)
			} else if n == 1 {
				b[0] = 1
			}
			return b
		},
	}
	options := [][]byte{nil, cipsoOption(8), cipsoOption(40)}
	for i := range options {
		if options[i] != nil {
			options[i] = bytes.ReplaceAll(options[i], []byte{marker}, []byte{0x5a})
		}
	}
	n := 0
	try := func(area []byte, label bool) {
		whole := makePacket(area, 17, counting(60))
		for cut := range min(len(whole), 100) + 1 {
			p := icmpError(3, whole[:cut])
			for _, option := range options {
				got, r := checkRepair(t, p, option, 0)
				n++
				if r != QuoteUnchanged && r != QuoteRepaired {
					if r != QuoteNoRoom || option == nil {
						t.Fatalf("%v: cut at %d: % x", r, cut, whole)
					}
					continue
				}
				q := got[28:]
				if cut < 20 {
					if !bytes.Equal(q, whole[:cut]) {
						t.Fatal("a short quote was changed")
					}
					continue
				}
				if label && bytes.IndexByte(q, marker) >= 0 {
					t.Fatalf("cut at %d: a byte of the label remains\n% x", cut, q)
				}
				h := int(whole[0]&15) * 4
				if !bytes.HasSuffix(q, whole[min(cut, h):cut]) {
					t.Fatal("data behind the header was changed")
				}
			}
		}
	}
	for size := 0; size <= 40; size += 4 {
		try(make([]byte, size), false)
		for at := range size {
			rest := size - at
			for _, length := range slices.Compact([]int{min(2, rest), min(3, rest), min(8, rest), min(14, rest), rest}) {
				if length < 2 {
					continue
				}
				// What follows the type stands there as soon as the label is long enough.
				label := append([]byte{134, byte(length)}, bytes.Repeat([]byte{marker}, length-2)...)
				for _, f := range lead {
					area := append(f(at), label...)
					try(append(area, make([]byte, size-len(area))...), true)
				}
			}
		}
	}
	t.Logf("%d quotes", n)
}

// randomError makes ICMP errors that are half right, with sizes around the limits.
func randomError(r *rand.Rand) []byte {
	area := randomOptions(r)
	if r.IntN(4) == 0 {
		area = nil
	}
	if r.IntN(3) == 0 {
		area = append(cipsoOption(8+r.IntN(12)), area...)
		area = area[:min(len(area), 40)]
	}
	q := makePacket(area, []byte{1, 4, 6, 17, 50}[r.IntN(5)], make([]byte, 8+r.IntN(600)))
	for i := int(q[0]&15) * 4; i < len(q); i++ {
		q[i] = byte(r.Uint32())
	}
	for range r.IntN(3) { // a wrong checksum for some
		q[r.IntN(20)] ^= 1 << r.IntN(8)
	}
	if r.IntN(3) != 0 {
		q[0] = q[0]&15 | 0x40
	}
	if r.IntN(2) == 0 {
		q = q[:r.IntN(len(q)+1)]
	} else {
		q = q[:min(len(q), 500+r.IntN(80))]
	}
	m := append([]byte{[]byte{3, 3, 3, 4, 5, 11, 12, 12}[r.IntN(8)], byte(r.IntN(6)), 0, 0, byte(r.IntN(80)), 0, byte(r.IntN(7)), byte(r.Uint32())}, q...)
	if r.IntN(3) == 0 {
		m[5] = byte(r.IntN(150))
	}
	fixICMPChecksum(m)
	if r.IntN(50) == 0 {
		m[2] ^= 1
	}
	var outer []byte
	if r.IntN(3) == 0 {
		outer = cipsoOption(8 + r.IntN(33))
	}
	return makePacket(outer, 1, m)
}

func TestRepairQuoteRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var counts [repairs]int
	for range 60_000 {
		var option []byte
		if r.IntN(2) == 0 {
			option = cipsoOption(8 + r.IntN(33))
		}
		_, did := checkRepair(t, randomError(r), option, r.IntN(60)-20)
		counts[did]++
	}
	for did, n := range counts {
		t.Logf("%6d %v", n, Repair(did))
	}
	for _, did := range []Repair{QuoteUnchanged, QuoteRepaired, QuoteBadChecksum, QuoteNotIPv4, QuoteNested, QuoteNoRoom} {
		if counts[did] < 100 {
			t.Errorf("too few are %v to say anything", did)
		}
	}
}

func TestRepairNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range repairs {
		if name := r.String(); name == "" || name == "unknown" || seen[name] {
			t.Errorf("%d is called %q", r, name)
		}
		seen[r.String()] = true
	}
	if repairs.String() != "unknown" {
		t.Error(repairs.String())
	}
}

// mendError makes p an ICMP error with right checksums, as far as its length allows.
func mendError(p []byte) []byte {
	p = mend(p)
	if len(p) < 28 || p[0]>>4 != 4 {
		return p
	}
	hl := int(p[0]&15) * 4
	if hl < 20 || len(p) < hl+8 {
		return p
	}
	p[6], p[7], p[9] = 0, 0, 1
	fixChecksum(p)
	p[hl] = []byte{3, 4, 5, 11, 12}[p[hl]%5]
	fixICMPChecksum(p[hl:])
	return p
}

func FuzzRepairQuote(f *testing.F) {
	r := rand.New(rand.NewPCG(9, 10))
	for i := range 40 {
		f.Add(randomError(r), uint8(r.Uint32()), int64(i-5))
	}
	f.Fuzz(func(t *testing.T, b []byte, length uint8, less int64) {
		option := cipsoOption(8 + int(length)%33)
		// As it came: no more than that nothing breaks, and nothing foreign gets in.
		buf := append(bytes.Clone(b), poisoned(MaxOptionsLen)...)
		m, did := RepairQuote(buf, len(b), option, int(less))
		refused := did != QuoteUnchanged && did != QuoteRepaired
		if refused != (m == 0) || (refused || did == QuoteUnchanged) && !bytes.Equal(buf[:len(b)], b) {
			t.Fatalf("%v, %d bytes", did, m)
		}
		p := mendError(b)
		var v View
		if v.Parse(p, Compat).Code >= FaultOptionLength {
			v.sound = true // its own options do not matter here
		}
		if _, ok := v.Report(); !ok {
			return
		}
		checkRepair(t, p, option, int(less))
		checkRepair(t, p, nil, int(less))
	})
}
