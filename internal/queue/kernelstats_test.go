package queue

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseKernelStats(t *testing.T) {
	tests := []struct {
		name string
		text string
		want []KernelStats
		err  string
	}{
		{"none", "", nil, ""},
		{"two", "    7   1234     3 2 65531    12    34      5678  1\n65535 4294967295 0 1 0 18446744073709551615 0 4294967295 1\n", []KernelStats{
			{Number: 7, PortID: 1234, Depth: 3, CopyMode: 2, CopyRange: 65531, QueueDropped: 12, UserDropped: 34, Sequence: 5678},
			{Number: 65535, PortID: 1<<32 - 1, CopyMode: 1, QueueDropped: 1<<64 - 1, Sequence: 1<<32 - 1},
		}, ""},
		{"too few fields", "7 1 3 2 65531 12 34\n", nil, ":1: 7 fields"},
		{"no number", "\n7 1 3 2 x 12 34 5678 1\n", nil, ":2: field 5"},
		{"number too large", "65536 1 3 2 0 12 34 5678 1\n", nil, ":1: field 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseKernelStats([]byte(tt.text))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("err = %v, want %q", err, tt.err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
