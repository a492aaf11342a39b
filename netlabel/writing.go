package netlabel

import (
	"labelgate/cipso"
	"labelgate/engine"
)

// Encoding says how a label is written into packets.
type Encoding uint8

// The zero Encoding is that of a label which never leaves.
const (
	NotWritten Encoding = iota
	Mapped              // by a line of cipso.d
	Direct              // by its own text
)

// String returns the word used in listings.
func (e Encoding) String() string {
	switch e {
	case Mapped:
		return "mapped"
	case Direct:
		return "direct"
	}
	return "none"
}

// Writing is what a label is on the wire.
type Writing struct {
	Encoding   Encoding
	Level      uint8            // valid unless the Encoding is NotWritten
	Categories cipso.Categories // valid unless the Encoding is NotWritten
	Origin     engine.Origin    // of the line of cipso.d, iff Mapped
}

// Writing returns what a label is on the wire where no domain says otherwise.
func (s *Snapshot) Writing(l engine.Label) Writing {
	if staysInside(l, s.mode) {
		return Writing{}
	}
	if m, ok := s.mappings[l]; ok {
		return written(&m)
	}
	w := Writing{Encoding: Direct, Level: s.direct}
	if !cipso.DirectCategories(s.LabelName(l), &w.Categories) {
		return Writing{}
	}
	return w
}

// WritingIn returns what a label is on the wire in a domain, by its index in Domain.
// It is not that of Writing where the domain has a line of its own for the label, or
// no tag type that could hold its categories.
func (s *Snapshot) WritingIn(domain int, l engine.Label) Writing {
	d := &s.dois[domain]
	switch m, ok := d.mappings[l]; {
	case int(l) >= len(d.wire) || d.wire[l].n == 0:
		return Writing{}
	case ok:
		return written(&m)
	}
	return s.Writing(l)
}

func written(m *Mapping) Writing {
	return Writing{Encoding: Mapped, Level: m.Level, Categories: m.Categories, Origin: m.Origin}
}
