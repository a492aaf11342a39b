package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
	"labelgate/internal/queue"
)

// ledger follows the gateway's audit records while they are written: reading them
// anew for each of some thousand packets would take longer than the packets.
type ledger struct {
	path string
	from int64
	all  []audit.Record
}

// read returns all records so far.
func (l *ledger) read(t *testing.T) []audit.Record {
	t.Helper()
	f, err := os.Open(l.path)
	if os.IsNotExist(err) {
		return l.all
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(io.NewSectionReader(f, l.from, 1<<40), 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return l.all // what is there of the line after the last will be read again
		}
		l.from += int64(len(line))
		record, err := audit.ParseJSON(line)
		if err != nil {
			t.Fatalf("record %q: %v", line, err)
		}
		if record.Event == audit.EventSuppressed {
			t.Errorf("%d records are missing: %s", record.Count, record.Reason)
		}
		l.all = append(l.all, record)
	}
}

// kernelFile is a file of the kernel's counters as the gateway sees it.
func (b *bench) kernelFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", b.Daemon(lab.GatewayName).PID(), name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// waiting returns how many packets wait in the gateway's queue, and how many the
// kernel dropped because there was no room for them.
func (b *bench) waiting(t *testing.T) (depth, dropped int) {
	t.Helper()
	all, err := queue.ParseKernelStats(b.kernelFile(t, "netfilter/nfnetlink_queue"))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range all {
		depth += int(q.Depth)
		dropped += int(q.QueueDropped + q.UserDropped)
	}
	return depth, dropped
}

// pace waits until the gateway's queue is empty, so that a test does not measure how
// long it is.
func (b *bench) pace(t *testing.T) {
	t.Helper()
	empty := 0 // a packet may be on its way from one hook to the next
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Microsecond) {
		if depth, _ := b.waiting(t); depth > 0 {
			empty = 0
		} else if empty++; empty == 3 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the gateway answers no more")
		}
	}
}

// settle waits until the gateway has nothing to do and writes no more records.
func (b *bench) settle(t *testing.T, l *ledger) {
	t.Helper()
	quiet, before := 0, -1
	for deadline := time.Now().Add(10 * time.Second); quiet < 5 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		depth, _ := b.waiting(t)
		if now := len(l.read(t)); depth == 0 && now == before {
			quiet++
		} else {
			quiet, before = 0, now
		}
	}
}

// ipCounters returns what the kernel counts of IP in the gateway's namespace
// (RFC 1213 section 6.5).
func (b *bench) ipCounters(t *testing.T) map[string]int {
	t.Helper()
	var names []string
	for line := range bytes.Lines(b.kernelFile(t, "snmp")) {
		fields := strings.Fields(string(line))
		if len(fields) == 0 || fields[0] != "Ip:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		all := map[string]int{}
		for i := 1; i < len(fields); i++ {
			n, err := strconv.Atoi(fields[i])
			if err != nil {
				t.Fatalf("counter %s: %v", names[i], err)
			}
			all[names[i]] = n
		}
		return all
	}
	t.Fatal("the kernel counts nothing of IP")
	return nil
}

// unfinished returns how many datagrams the gateway's kernel has parts of.
func (b *bench) unfinished(t *testing.T) int {
	t.Helper()
	for line := range bytes.Lines(b.kernelFile(t, "sockstat")) {
		var inuse, memory int
		if n, _ := fmt.Sscanf(string(line), "FRAG: inuse %d memory %d", &inuse, &memory); n == 2 {
			return inuse
		}
	}
	t.Fatal("the kernel does not count fragments")
	return 0
}

// tune sets name=value pairs below net/ipv4 at a node.
func (b *bench) tune(t *testing.T, node string, settings ...string) {
	t.Helper()
	err := b.Do(node, func() error {
		for _, s := range settings {
			name, value, _ := strings.Cut(s, "=")
			if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
