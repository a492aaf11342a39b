package suggest

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"labels", "label", "interfaces", "doi", "-CIPSO"}
	tests := []struct{ name, word, want string }{
		{"as it is", "doi", "doi"},
		{"swapped", "lables", "labels"},
		{"missing letter", "interface", "interfaces"},
		{"case", "-cipso", "-CIPSO"},
		{"too far", "mtu", ""},
		{"empty", "", ""},
		{"long", strings.Repeat("interfaces", 7), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Nearest(tt.word, known); got != tt.want {
				t.Errorf("Nearest(%q) = %q, want %q", tt.word, got, tt.want)
			}
		})
	}
	if got := HintOrAll("mtu", known[:2]); got != "known: labels, label" {
		t.Errorf("HintOrAll = %q", got)
	}
}

// TestDistance holds the fast one against its definition.
func TestDistance(t *testing.T) {
	words := []string{"", "a", "ab", "ba", "abc", "acb", "bca", "cab", "abcd", "badc"}
	for _, a := range words {
		for _, b := range words {
			if got, want := distance(a, b), slow(a, b); got != want {
				t.Errorf("distance(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func slow(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	change := 1
	if a[len(a)-1] == b[len(b)-1] {
		change = 0
	}
	n := min(slow(a[:len(a)-1], b)+1, slow(a, b[:len(b)-1])+1, slow(a[:len(a)-1], b[:len(b)-1])+change)
	if len(a) > 1 && len(b) > 1 && a[len(a)-1] == b[len(b)-2] && a[len(a)-2] == b[len(b)-1] {
		n = min(n, slow(a[:len(a)-2], b[:len(b)-2])+1)
	}
	return n
}
