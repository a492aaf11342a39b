package engine

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

// TestKernelLabels: a string is a label here exactly when a kernel stored it
// whole and unchanged. There is no difference, on purpose or other.
func TestKernelLabels(t *testing.T) {
	compared := 0
	for line, f := range rows(t, "../test/vectors/labels/label_syntax.tsv", 11) {
		at, result, created := f[1], f[6], f[7]
		candidate := unhex(t, f[3])
		if strings.HasPrefix(at, "access2") && candidate != "" && result == "0" {
			continue // asking stores nothing, and a cut label gets the same answer
		}
		compared++
		stored := false
		switch {
		case created != "" || len(candidate) != 1:
			for _, h := range strings.Split(created, ",") {
				stored = stored || h != "" && unhex(t, h) == candidate
			}
		default: // of one byte nothing can be cut: it was stored before, or refused
			stored = strings.HasPrefix(result, "OK:")
		}
		err := CheckLabel(candidate)
		if stored != (err == nil) {
			t.Errorf("line %d: %s %q: the kernel stored it: %v, CheckLabel: %v", line, at, candidate, stored, err)
		}
	}
	t.Logf("%d strings, each a label to the kernel exactly when it is one here", compared)
	if compared < 1900 {
		t.Errorf("compared %d rows only", compared)
	}
}

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestReservedAreLabels: each reserved name passes, wherever it is written.
func TestReservedAreLabels(t *testing.T) {
	for _, name := range slices.Sorted(slices.Values(reserved[1:])) {
		if err := CheckLabel(name); err != nil {
			t.Error(err)
		}
	}
}
