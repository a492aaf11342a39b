package ipv4

import "testing"

var (
	benchFault Fault
	benchLen   int
)

func BenchmarkParse(b *testing.B) {
	for _, bb := range []struct {
		name   string
		packet []byte
	}{
		{"plain64", makePacket(nil, 17, counting(44))},
		{"labeled64", makePacket(cipsoOption(16), 17, counting(28))},
		{"options60", makePacket(append([]byte{148, 4, 0, 0, 1, 1, 1, 1, 130, 4, 0x55, 0}, cipsoOption(28)...), 17, counting(28))},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var v View
			for b.Loop() {
				benchFault = v.Parse(bb.packet, Strict)
			}
		})
	}
}

func BenchmarkRewrite(b *testing.B) {
	plain, labeled := makePacket(nil, 17, counting(44)), makePacket(cipsoOption(16), 17, counting(44))
	large := makePacket(nil, 17, counting(1460))
	out := make([]byte, 2000)
	for _, bb := range []struct {
		name   string
		packet []byte
		option []byte
	}{
		{"add16", plain, cipsoOption(16)},
		{"remove16", labeled, nil},
		{"replace16", labeled, cipsoOption(16)},
		{"add16to1480", large, cipsoOption(16)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			v := mustParse(b, bb.packet, Strict)
			for b.Loop() {
				benchLen, _ = v.Rewrite(out, bb.option)
			}
		})
	}
	b.Run("blank16", func(b *testing.B) {
		v := mustParse(b, labeled, Strict)
		for b.Loop() {
			benchLen, _ = v.Blank(out)
		}
	})
}

func BenchmarkClampMSS(b *testing.B) {
	p := makePacket(nil, 6, tcpSegment(2, []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7}, nil))
	for b.Loop() {
		p[42], p[43] = 5, 0xb4
		ClampMSS(p, 1420)
	}
}

func BenchmarkRepairQuote(b *testing.B) {
	labeled := icmpError(3, makePacket(cipsoOption(16), 17, counting(1400))[:512])
	buf := make([]byte, 1000)
	for _, bb := range []struct {
		name   string
		option []byte
	}{
		{"remove", nil},
		{"replace", cipsoOption(24)},
		{"unchanged", cipsoOption(16)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				benchLen, _ = RepairQuote(buf, copy(buf, labeled), bb.option, 0)
			}
		})
	}
}

func BenchmarkReport(b *testing.B) {
	v := mustParse(b, icmpError(3, makePacket(cipsoOption(16), 17, counting(40))), Strict)
	for b.Loop() {
		r, _ := v.Report()
		benchLen = r.QuoteLen
	}
}
