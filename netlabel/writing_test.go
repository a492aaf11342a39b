package netlabel

import (
	"fmt"
	"strings"
	"testing"

	"labelgate/cipso"
	"labelgate/engine"
)

// writingSpec is the policy of the tests with a label that no tag of DOI 3 can hold
// and one too long to be spelled.
func writingSpec(t *testing.T, mode Mode) (spec Spec, long string) {
	t.Helper()
	far, err := cipso.ParseCategories("500")
	if err != nil {
		t.Fatal(err)
	}
	spec, long = perimeterSpec(mode), strings.Repeat("L", cipso.MaxDirectLen+1)
	spec.Mappings = append(spec.Mappings, Mapping{Label: "Far", Level: 1, Categories: far, Origin: engine.Origin{File: "cipso.d/test", Line: 2}})
	if _, err := spec.Rules.Intern(long); err != nil {
		t.Fatal(err)
	}
	return spec, long
}

func TestWriting(t *testing.T) {
	const anywhere = -1
	strict, long := writingSpec(t, Strict)
	compat, _ := writingSpec(t, Compat)
	of := map[Mode]*Snapshot{Strict: compile(t, strict), Compat: compile(t, compat)}
	for _, tt := range []struct {
		label  string
		domain int
		mode   Mode
		want   string
	}{
		{"Secret", anywhere, Strict, "mapped 5 2,4,6 cipso.d/test:1"},
		{"Secret", 0, Strict, "mapped 5 2,4,6 cipso.d/test:1"},
		{"Secret", 1, Strict, "mapped 9 1000 cipso-16.d/test:1"},
		{"Far", anywhere, Strict, "mapped 1 500 cipso.d/test:2"},
		{"Far", 0, Strict, "none"},
		{"Far", 1, Strict, "mapped 1 500 cipso.d/test:2"},
		{long, anywhere, Strict, "none"},
		{long, 0, Strict, "none"},
		{"*", anywhere, Strict, "none"},
		{"*", 0, Compat, "none"},
		{"?", 1, Strict, "none"},
		{"@", 0, Strict, "none"},
		{"@", 0, Compat, "direct 250 2"},
		{"_", 1, Strict, "direct 250 2,4-8"},
		{"^", anywhere, Compat, "direct 250 2,4-7"},
	} {
		s := of[tt.mode]
		l, ok := s.Policy().Lookup(tt.label)
		if !ok {
			t.Fatalf("no label %s", tt.label)
		}
		w := s.Writing(l)
		if tt.domain != anywhere {
			w = s.WritingIn(tt.domain, l)
		}
		if got := writingText(w); got != tt.want {
			t.Errorf("%s %s in domain %d: %s, want %s", tt.mode, tt.label, tt.domain, got, tt.want)
		}
	}
}

func writingText(w Writing) string {
	if w.Encoding == NotWritten {
		if w != (Writing{}) {
			return fmt.Sprintf("none, and yet %+v", w)
		}
		return w.Encoding.String()
	}
	text := fmt.Sprintf("%s %d %s", w.Encoding, w.Level, w.Categories.String())
	if w.Origin != (engine.Origin{}) {
		text += " " + w.Origin.String()
	}
	return text
}

// TestWritingIsWritten: what is told of each label is what its option holds.
func TestWritingIsWritten(t *testing.T) {
	for _, mode := range []Mode{Strict, Compat} {
		spec, _ := writingSpec(t, mode)
		s := compile(t, spec)
		written := 0
		for i := range s.Domains() {
			d := s.Domain(i)
			for l := engine.Label(0); int(l) < s.Policy().Labels(); l++ {
				w, option := s.WritingIn(i, l), s.Encoding(d.Number, l)
				if (w.Encoding == NotWritten) != (len(option) == 0) {
					t.Errorf("%s in DOI %d: %s, and its option is %x", s.LabelName(l), d.Number, w.Encoding, option)
				}
				if len(option) == 0 {
					continue
				}
				written++
				var o cipso.Option
				if _, f := s.Decoder().Decode(option, &o); f.Code != cipso.NoFault {
					t.Fatalf("%x: %v", option, f)
				}
				if o.Label != (cipso.Label{Level: w.Level, Categories: w.Categories}) {
					t.Errorf("%s in DOI %d: %s, and its option holds %d %s", s.LabelName(l), d.Number, writingText(w), o.Label.Level, o.Label.Categories.String())
				}
			}
		}
		if written < 10 {
			t.Errorf("only %d labels were compared", written)
		}
	}
}
