package gate

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"labelgate/internal/lab"
	"labelgate/internal/queue"
)

// Kernel is what the gateway's kernel, and the cables, count by themselves.
type Kernel struct {
	IP       map[string]uint64 // of Ip, IpExt and Ip6 in RFC 1213's and the kernel's words, such as "IpInHdrErrors"
	Cables   uint64            // packets that a cable lost because the other end's processor was behind
	Depth    int               // packets in queues
	Overflow uint64            // packets that found a queue or its socket full
	Partial  int               // datagrams of which the kernel has parts
}

// Kernel reads the counters.
func (s *Site) Kernel(t testing.TB) Kernel {
	t.Helper()
	k := Kernel{IP: make(map[string]uint64)}
	err := s.Do(lab.GatewayName, func() error {
		for _, name := range []string{"snmp", "netstat"} {
			text, err := os.ReadFile("/proc/thread-self/net/" + name)
			if err != nil {
				return err
			}
			if err := pairedLines(text, k.IP); err != nil {
				return err
			}
		}
		if text, err := os.ReadFile("/proc/thread-self/net/snmp6"); err == nil {
			for line := range strings.Lines(string(text)) {
				if f := strings.Fields(line); len(f) == 2 {
					k.IP[f[0]], _ = strconv.ParseUint(f[1], 10, 64)
				}
			}
		}
		text, err := os.ReadFile("/proc/thread-self/net/sockstat")
		if err != nil {
			return err
		}
		for line := range bytes.Lines(text) {
			fmt.Sscanf(string(line), "FRAG: inuse %d", &k.Partial)
		}
		text, err = os.ReadFile("/proc/thread-self/net/netfilter/nfnetlink_queue")
		if err != nil {
			return err
		}
		queues, err := queue.ParseKernelStats(text)
		for _, q := range queues {
			k.Depth += int(q.Depth)
			k.Overflow += q.QueueDropped + q.UserDropped
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for host := range s.macs {
		k.Cables += s.dropped(t, host, lab.HostInterface) + s.dropped(t, lab.GatewayName, Cable+host)
	}
	return k
}

// pairedLines reads a file in which a line of names comes before one of numbers.
func pairedLines(text []byte, into map[string]uint64) error {
	var names []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(names) == 0 || names[0] != fields[0] {
			names = fields
			continue
		}
		for i := 1; i < len(fields) && i < len(names); i++ {
			n, err := strconv.ParseInt(fields[i], 10, 64) // some that are no counters are negative
			if err != nil {
				return fmt.Errorf("counter %s %s: %w", names[0], names[i], err)
			}
			into[strings.TrimSuffix(names[0], ":")+names[i]] = uint64(n)
		}
		names = nil
	}
	return nil
}

// dropped returns how many packets an end of a cable could not hand to the other.
func (s *Site) dropped(t testing.TB, node, name string) uint64 {
	t.Helper()
	h, link := s.link(t, node, name)
	defer h.Close()
	if link.Attrs().Statistics == nil {
		t.Fatalf("%s of %s counts nothing", name, node)
	}
	return link.Attrs().Statistics.TxDropped
}
