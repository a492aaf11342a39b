package queue

import "testing"

func TestDepth(t *testing.T) {
	account := func(sequence, depth uint32, lost uint64) KernelStats {
		return KernelStats{PortID: 1, Sequence: sequence, Depth: depth, UserDropped: lost}
	}
	other := account(9, 3, 0)
	other.PortID = 2
	tests := []struct {
		name string
		feed []KernelStats
		want []Change
	}{
		{"nothing waits", []KernelStats{account(5, 0, 0), account(5, 0, 0), account(5, 0, 0), account(5, 0, 0)}, []Change{0, 0, 0, 0}},
		{"answered as they come", []KernelStats{account(5, 2, 0), account(9, 2, 0), account(13, 2, 0), account(17, 2, 0)}, []Change{0, 0, 0, 0}},
		{"nobody answers", []KernelStats{account(5, 2, 0), account(5, 2, 0), account(5, 2, 0), account(5, 2, 0), account(5, 2, 0)}, []Change{0, 0, Raised, 0, 0}},
		{"more come, nobody answers", []KernelStats{account(5, 2, 0), account(9, 6, 0), account(90, 87, 0)}, []Change{0, 0, Raised}},
		{"one is answered in time", []KernelStats{account(5, 2, 0), account(5, 2, 0), account(6, 2, 0), account(6, 2, 0)}, []Change{0, 0, 0, 0}},
		{"answered at last", []KernelStats{account(5, 2, 0), account(5, 2, 0), account(5, 2, 0), account(5, 1, 0), account(5, 1, 0), account(5, 1, 0), account(5, 0, 0), account(5, 0, 0)}, []Change{0, 0, Raised, Cleared, 0, Raised, Cleared, 0}},
		{"the socket is full", []KernelStats{account(5, 2, 0), account(9, 2, 4), account(19, 2, 14), account(19, 2, 14)}, []Change{0, 0, Raised, 0}},
		{"numbers wrap", []KernelStats{account(0xfffffffe, 2, 0), account(3, 7, 0), account(3, 7, 0)}, []Change{0, 0, Raised}},
		{"another owner", []KernelStats{account(9, 3, 0), account(9, 3, 0), other, other, other}, []Change{0, 0, 0, 0, Raised}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := Depth{Polls: 2}
			for i, k := range tt.feed {
				if got := d.Feed(k); got != tt.want[i] {
					t.Errorf("account %d: %v, want %v", i, got, tt.want[i])
				}
			}
		})
	}
}
