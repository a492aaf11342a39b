package ipv4

import "testing"

// TestClearTail: what stands behind the end of the options, and nothing else,
// becomes zero.
func TestClearTail(t *testing.T) {
	const option = "860d00000003010700fa29b732"
	tests := []struct {
		name, options string
		tail          bool
		want          string
	}{
		{"no options", "", false, ""},
		{"no end of list", "01010101", false, "01010101"},
		{"zeroes", option + "000000", false, option + "000000"},
		{"junk", option + "00000055555555", true, option + "00000000000000"},
		{"a NOP", option + "000001", true, option + "000000"},
		{"a label", "00" + option + "0000", true, "00000000000000000000000000000000"},
		{"behind another option", "94040000" + option + "000007", true, "94040000" + option + "000000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := mustParse(t, makePacket(unhex(t, tt.options), 17, counting(16)), Compat)
			if v.HasTail() != tt.tail {
				t.Errorf("HasTail %v, want %v", v.HasTail(), tt.tail)
			}
			out := poisoned(100)
			n, ok := v.ClearTail(out)
			if !ok {
				t.Fatal("refused")
			}
			wantPacket(t, out[:n], makePacket(unhex(t, tt.want), 17, counting(16)))
			if _, ok := v.ClearTail(out[:n-1]); ok {
				t.Error("wrote into a buffer that is too short")
			}
			if allocs := testing.AllocsPerRun(10, func() { v.HasTail(); v.ClearTail(out) }); allocs != 0 {
				t.Errorf("%v allocations", allocs)
			}
		})
	}
	t.Run("fault", func(t *testing.T) {
		var v View
		if v.Parse(makePacket(unhex(t, "07030400"), 17, counting(16))[:30], Compat).Code == NoFault {
			t.Fatal("no fault")
		}
		if _, ok := v.ClearTail(make([]byte, 100)); ok || v.HasTail() {
			t.Error("went on after a fault")
		}
	})
}
