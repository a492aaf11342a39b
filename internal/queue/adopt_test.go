package queue

import (
	"encoding/binary"
	"testing"
)

func TestLastStale(t *testing.T) {
	tests := []struct {
		name          string
		newest, first uint32
		any           bool
		want          uint32
	}{
		{"nothing in the socket", 7, 0, false, 7},
		{"all in the socket", 7, 1, true, 0},
		{"some in the socket", 7, 5, true, 4},
		{"the newest in the socket", 7, 7, true, 6},
		{"came after it was looked at", 7, 8, true, 7},
		{"came long after", 7, 100, true, 7},
		{"never was a packet", 0, 0, false, 0},
		{"the first ever came after", 0, 1, true, 0},
		{"newest before the wrap", 0xffffffff, 0xfffffff0, true, 0xffffffef},
		{"wrapped between", 3, 0xfffffffe, true, 0xfffffffd},
		{"wrapped at the first", 3, 0, true, 0xffffffff},
		{"wrapped after it was looked at", 0xffffffff, 2, true, 0xffffffff},
		{"nothing in the socket, wrapped", 0, 0, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := lastStale(tt.newest, tt.first, tt.any); got != tt.want {
				t.Errorf("%#x, want %#x", got, tt.want)
			}
		})
	}
}

func TestStale(t *testing.T) {
	account := func(sequence, depth uint32, lost uint64) *KernelStats {
		return &KernelStats{Sequence: sequence, Depth: depth, UserDropped: lost}
	}
	tests := []struct {
		name          string
		before, after *KernelStats
		want          uint32
	}{
		{"nothing", account(9, 0, 0), account(9, 0, 0), 0},
		{"none was stale", account(9, 4, 0), account(9, 4, 0), 0},
		{"all were", account(9, 4, 0), account(9, 0, 0), 4},
		{"some were, others came", account(9, 4, 0), account(19, 12, 0), 2},
		{"others did not fit into the socket", account(9, 4, 1), account(19, 9, 4), 2},
		{"numbers wrapped", account(0xfffffffe, 4, 0), account(3, 7, 0), 2},
		{"the count of lost ones wrapped", account(9, 4, 0xffffffff), account(19, 10, 1<<32+1), 2},
		{"more left than was there", account(9, 4, 0), account(9, 5, 0), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := stale(tt.before, tt.after); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

// TestDropUpTo: the one verdict about many packets is a drop.
func TestDropUpTo(t *testing.T) {
	b := appendDropUpTo([]byte("before"), 7, 0x01020304)[6:]
	m, rest, ok := nextMessage(b)
	if !ok || len(rest) != 0 || m.kind != typeVerdictBatch || binary.BigEndian.Uint16(m.body[2:]) != 7 {
		t.Fatalf("%x", b)
	}
	if v := m.body[8:]; len(v) != 8 || binary.BigEndian.Uint32(v) != nfDrop || binary.BigEndian.Uint32(v[4:]) != 0x01020304 {
		t.Errorf("%x", v)
	}
}
