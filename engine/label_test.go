package engine

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckLabel(t *testing.T) {
	for _, tt := range []struct {
		name   string
		label  string
		offset int // of the error, -1 is none
		why    string
	}{
		{"ordinary", "Secret", -1, ""},
		{"one byte", "a", -1, ""},
		{"23 bytes", strings.Repeat("a", 23), -1, ""},
		{"255 bytes", strings.Repeat("a", 255), -1, ""},
		{"256 bytes", strings.Repeat("a", 256), 255, "it has 256 bytes, the longest label has 255"},
		{"first printable", "!", -1, ""},
		{"last printable", "~", -1, ""},
		{"a comment elsewhere", "#x", -1, ""},
		{"punctuation without meaning", "TS:A,B;@*^_?", -1, ""},
		{"dash inside", "in-ner", -1, ""},
		{"dash at the end", "x-", -1, ""},
		{"empty", "", 0, "it is empty"},
		{"option", "-CIPSO", 0, "a leading dash marks an option such as -CIPSO"},
		{"lone dash", "-", 0, "a leading dash marks an option such as -CIPSO"},
		{"slash", "foo/bar", 3, "byte 4 is '/'"},
		{"double quote", `a"`, 1, `byte 2 is '"'`},
		{"backslash", `a\`, 1, `byte 2 is '\\'`},
		{"quote", "a'", 1, `byte 2 is '\''`},
		{"space", "a b", 1, "byte 2 is ' '"},
		{"newline", "a\n", 1, `byte 2 is '\n'`},
		{"zero", "a\x00b", 1, `byte 2 is '\x00'`},
		{"delete", "a\x7f", 1, `byte 2 is '\x7f'`},
		{"no-break space", "a\xa0", 1, "byte 2 is 0xa0"},
		{"not ASCII", "caf\u00e9", 3, "byte 4 is 0xc3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckLabel(tt.label)
			var bad *LabelError
			switch {
			case tt.offset < 0:
				if err != nil {
					t.Error(err)
				}
			case !errors.As(err, &bad):
				t.Errorf("%q: %v, want a LabelError", tt.label, err)
			case bad.Offset != tt.offset || bad.Why != tt.why || bad.Label != tt.label:
				t.Errorf("%q: offset %d, %s; want %d, %s", tt.label, bad.Offset, bad.Why, tt.offset, tt.why)
			}
		})
	}
}

// TestLabelErrorIsShort: what a stranger wrote does not fill the log.
func TestLabelErrorIsShort(t *testing.T) {
	err := CheckLabel(strings.Repeat("x", 1<<20))
	if s := err.Error(); len(s) > 200 {
		t.Errorf("a message of %d bytes", len(s))
	}
}

// TestReserved: the reserved labels have the numbers of their constants, in
// every policy and before anything was named.
func TestReserved(t *testing.T) {
	p := NewBuilder().Build()
	for name, want := range map[string]Label{"?": Huh, "^": Hat, "*": Star, "_": Floor, "@": Web} {
		if got, ok := p.Lookup(name); !ok || got != want {
			t.Errorf("Lookup(%q) = %d, %v, want %d", name, got, ok, want)
		}
		if got := p.Name(want); got != name {
			t.Errorf("Name(%d) = %q, want %q", want, got, name)
		}
	}
	if got := p.Labels(); got != int(FirstLabel) {
		t.Errorf("an empty policy has %d labels, want %d", got, FirstLabel)
	}
	if got := p.Name(Unknown); got != "" {
		t.Errorf("Unknown has the name %q", got)
	}
	if _, ok := p.Lookup(""); ok {
		t.Error("the empty name is known")
	}
}
