package queue

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// KernelStats is the kernel's account of one queue.
type KernelStats struct {
	// Number is the queue's number.
	Number uint16
	// PortID is the netlink port id of the queue's owner.
	PortID uint32
	// Depth is how many packets wait for a verdict.
	Depth uint32
	// CopyMode is 2 when whole packets are handed over, CopyRange the most
	// bytes of one.
	CopyMode  uint8
	CopyRange uint32
	// QueueDropped counts packets dropped because the queue was full, and
	// UserDropped those dropped because the owner's socket buffer was. Both
	// were seen by nobody.
	QueueDropped, UserDropped uint64
	// Sequence is the id of the newest packet.
	Sequence uint32
}

// kernelStatsPath is where a thread sees the queues of its own namespace; unlike
// /proc/net it is also there when a unit hides all but processes.
const kernelStatsPath = "/proc/thread-self/net/netfilter/nfnetlink_queue"

// ReadKernelStats returns the queues of the calling thread's network namespace.
func ReadKernelStats() ([]KernelStats, error) {
	b, err := os.ReadFile(kernelStatsPath)
	if err != nil {
		return nil, fmt.Errorf("queues of the kernel: %w", err)
	}
	return ParseKernelStats(b)
}

// ParseKernelStats reads the text of /proc/net/netfilter/nfnetlink_queue: a line
// for each queue with its number, port id, depth, copy mode, copy range, the two
// counts of drops, the newest id and the constant 1.
func ParseKernelStats(text []byte) ([]KernelStats, error) {
	var all []KernelStats
	line := 0
	for l := range bytes.Lines(text) {
		line++
		f := bytes.Fields(l)
		if len(f) == 0 {
			continue
		}
		if len(f) < 8 {
			return nil, fmt.Errorf("%s:%d: %d fields, want 8 or more", kernelStatsPath, line, len(f))
		}
		var n [8]uint64
		for i, bits := range [8]int{16, 32, 32, 8, 32, 64, 64, 32} {
			var err error
			if n[i], err = strconv.ParseUint(string(f[i]), 10, bits); err != nil {
				return nil, fmt.Errorf("%s:%d: field %d: %w", kernelStatsPath, line, i+1, err)
			}
		}
		all = append(all, KernelStats{
			Number: uint16(n[0]), PortID: uint32(n[1]), Depth: uint32(n[2]),
			CopyMode: uint8(n[3]), CopyRange: uint32(n[4]),
			QueueDropped: n[5], UserDropped: n[6], Sequence: uint32(n[7]),
		})
	}
	return all, nil
}
