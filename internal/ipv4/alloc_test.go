package ipv4

import "testing"

func TestNoAllocations(t *testing.T) {
	labeled := makePacket(append([]byte{148, 4, 0, 0}, cipsoOption(16)...), 6, tcpSegment(2, []byte{2, 4, 5, 0xb4}, counting(40)))
	broken := makePacket(append(cipsoOption(16), cipsoOption(16)...), 6, counting(40))
	quoting := icmpError(3, labeled)
	option := cipsoOption(20)
	out := make([]byte, 200)
	var v View
	sound := *mustParse(t, labeled, Strict)
	reporting := *mustParse(t, quoting, Strict)
	tests := []struct {
		name string
		f    func()
	}{
		{"Parse", func() { v.Parse(labeled, Strict) }},
		{"Parse with fault", func() { v.Parse(broken, Compat) }},
		{"Rewrite", func() { sound.Rewrite(out, option) }},
		{"remove", func() { sound.Rewrite(out, nil) }},
		{"Blank", func() { sound.Blank(out) }},
		{"ClampMSS", func() { ClampMSS(out[:copy(out, labeled)], 1400) }},
		{"MSS", func() { MSS(labeled) }},
		{"Report", func() { reporting.Report() }},
		{"RepairQuote", func() { RepairQuote(out, copy(out, quoting), option, 16) }},
		{"RepairQuote, remove", func() { RepairQuote(out, copy(out, quoting), nil, 16) }},
		{"RepairQuote, refuse", func() { RepairQuote(out, copy(out, labeled), nil, 16) }},
		{"AppendError", func() { AppendError(out[:0], Error{Type: 12, Pointer: 22, Quoted: labeled}) }},
		{"Answerable", func() { sound.Answerable() }},
		{"Tiny", func() { sound.Tiny() }},
		{"Checksum", func() { Checksum(labeled) }},
		{"a View on the stack", func() {
			var v View
			v.Parse(labeled, Strict)
			v.Rewrite(out, nil)
		}},
		{"FaultCode.String", func() { _ = FaultChecksum.String() }},
		{"Repair.String", func() { _ = QuoteNested.String() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, tt.f); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
