package netlabel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"labelgate/cipso"
	"labelgate/engine"
)

// TestLabelMapTwin holds the table against a Go map over random sets, many of
// which share a level, a prefix or a size.
func TestLabelMapTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func() cipso.Label {
		l := cipso.Label{Level: uint8(r.IntN(3))}
		for range r.IntN(6) {
			low := uint16(r.IntN(12))
			l.Categories.Add(low, low+uint16(r.IntN(3)))
		}
		if r.IntN(8) == 0 {
			for c := range uint16(cipso.MaxRanges) { // as many ranges as a set can have
				l.Categories.Add(2*c, 2*c)
			}
		}
		return l
	}
	const labels = 2000
	m, twin := newLabelMap(labels), make(map[string]engine.Label)
	name := func(l *cipso.Label) string { return fmt.Sprint(l.Level, "/", l.Categories.String()) }
	for l := engine.Label(1); l <= labels; l++ {
		key := random()
		earlier := m.insert(&key, l)
		if want := twin[name(&key)]; earlier != want {
			t.Fatalf("insert of %s: %d was there, want %d", name(&key), earlier, want)
		}
		switch {
		case earlier == engine.Unknown:
			twin[name(&key)] = l
		case l%2 == 0:
			m.replace(&key, l)
			twin[name(&key)] = l
		}
	}
	for range 20000 {
		key := random()
		if got, want := m.lookup(&key), twin[name(&key)]; got != want {
			t.Fatalf("lookup of %s: %d, want %d", name(&key), got, want)
		}
	}
	if m.used != len(twin) || 2*m.used > len(m.slots) {
		t.Errorf("%d keys in %d slots, want %d in at least twice as many", m.used, len(m.slots), len(twin))
	}
	key := random()
	m.replace(&cipso.Label{Level: 99}, 7) // was never inserted
	if n := testing.AllocsPerRun(100, func() { m.lookup(&key) }); n != 0 {
		t.Errorf("%v allocations a lookup", n)
	}
}

// TestLabelMapEmpty: looking in an empty table ends.
func TestLabelMapEmpty(t *testing.T) {
	if got := newLabelMap(0).lookup(&cipso.Label{}); got != engine.Unknown {
		t.Errorf("found %d", got)
	}
}

func TestLabelSet(t *testing.T) {
	tests := []struct {
		name    string
		members []engine.Label
		in, out []engine.Label
	}{
		{"none: no restriction", nil, []engine.Label{0, 1, 63, 64, 1 << 31}, nil},
		{"one", []engine.Label{6}, []engine.Label{6}, []engine.Label{0, 5, 7, 70, 1 << 31}},
		{"word boundaries", []engine.Label{63, 64, 127, 128}, []engine.Label{63, 64, 127, 128}, []engine.Label{0, 62, 65, 126, 129, 191, 192}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newLabelSet(tt.members)
			for _, l := range tt.in {
				if !s.contains(l) {
					t.Errorf("%d is missing", l)
				}
			}
			for _, l := range tt.out {
				if s.contains(l) {
					t.Errorf("%d is a member", l)
				}
			}
		})
	}
}
