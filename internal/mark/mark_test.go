package mark

import "testing"

func TestRoundTrip(t *testing.T) {
	tests := []struct {
		name       string
		generation uint32
		zone       uint8
		label      uint32
		ok         bool
	}{
		{"smallest", 0, 1, 1, true},
		{"largest", 31, MaxZone, MaxLabel, true},
		{"generation wraps", 32 + 7, 5, 99, true},
		{"label too large", 1, 1, MaxLabel + 1, false},
		{"zone too large", 1, MaxZone + 1, 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, ok := ForLabel(tt.generation, tt.zone, tt.label)
			if ok != tt.ok {
				t.Fatalf("ForLabel: ok = %v, want %v", ok, tt.ok)
			}
			if !ok {
				return
			}
			if !m.IsPending() || m.IsLocal() || m.Zone() != tt.zone || m.Label() != tt.label {
				t.Errorf("mark %08x: pending %v local %v zone %d label %d", m, m.IsPending(), m.IsLocal(), m.Zone(), m.Label())
			}
			if !m.SameGeneration(tt.generation) || m.SameGeneration(tt.generation+1) {
				t.Errorf("mark %08x does not keep generation %d", m, tt.generation)
			}
			if z := ForZone(tt.generation, tt.zone); z.IsPending() || z&StateMask != Judged || z.Zone() != tt.zone {
				t.Errorf("ForZone = %08x", z)
			}
		})
	}
}
