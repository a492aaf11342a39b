package lab_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labelgate/internal/lab"
)

// needLab skips where no namespaces can be made.
func needLab(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
}

// plain is a router between three hosts.
func plain(name string) *lab.Topology {
	host := func(name string, subnet int) lab.Host {
		a := netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", subnet+2))
		return lab.Host{Name: name, Interface: "g-" + name, Address: netip.PrefixFrom(a, 28), Gateway: a.Prev()}
	}
	return &lab.Topology{Name: name, Config: "/unused", Hosts: []lab.Host{host("a", 0), host("b", 16), host("c", 32)}}
}

func testName(t *testing.T) string {
	return fmt.Sprintf("t%d-%d", os.Getpid(), time.Now().UnixNano()%1e6)
}

func startPlain(t *testing.T) *lab.Lab {
	t.Helper()
	needLab(t)
	l, err := lab.Start(t.Context(), plain(testName(t)), lab.Options{Daemons: lab.NoDaemons, Directory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// leftovers lists what there is of labs whose names begin with a prefix.
func leftovers(t *testing.T, prefix string) []string {
	t.Helper()
	found, err := filepath.Glob("/run/netns/lg-" + prefix + "*")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestStartAndCloseLeaveNothing(t *testing.T) {
	needLab(t)
	name, root := testName(t), t.TempDir()
	before := open(t)
	l, err := lab.Start(t.Context(), plain(name), lab.Options{Daemons: lab.NoDaemons, Directory: root})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(leftovers(t, name)); n != 4 {
		t.Errorf("%d namespaces, want 4", n)
	}
	if _, err := lab.Start(t.Context(), plain(name), lab.Options{Daemons: lab.NoDaemons, Directory: root}); err == nil || !strings.Contains(err.Error(), "is up already") {
		t.Errorf("second lab of the name: %v", err)
	}
	if n := len(leftovers(t, name)); n != 4 {
		t.Errorf("%d namespaces after a second lab was refused, want 4", n)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left := leftovers(t, name); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if _, err := os.Stat(filepath.Join(root, name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("directory: %v", err)
	}
	if after := open(t); after > before {
		t.Errorf("%d descriptors open before, %d after", before, after)
	}
}

func open(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// However far it came, what was built is removed.
func TestCancelledStartLeavesNothing(t *testing.T) {
	needLab(t)
	whole := time.Now()
	startPlain(t).Close()
	took := time.Since(whole)
	const steps = 12
	cancelled := 0
	for i := range steps {
		name, root := testName(t), t.TempDir()
		ctx, cancel := context.WithTimeout(t.Context(), took*time.Duration(i)/steps)
		l, err := lab.Start(ctx, plain(name), lab.Options{Daemons: lab.NoDaemons, Directory: root})
		cancel()
		if err == nil {
			err = l.Close()
		} else if cancelled++; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("step %d: %v", i, err)
			continue
		}
		if left := leftovers(t, name); len(left) > 0 {
			t.Errorf("step %d (%v): left %q", i, err, left)
		}
		if entries, err := os.ReadDir(root); err == nil && len(entries) > 0 {
			t.Errorf("step %d: left %v", i, entries)
		}
	}
	if cancelled == 0 {
		t.Error("nothing was cancelled")
	}
}

func TestProbesThroughAPlainRouter(t *testing.T) {
	l := startPlain(t)
	tests := []struct {
		name  string
		probe lab.Probe
	}{
		{"datagram", lab.Probe{From: "a", To: "b", Proto: lab.UDP}},
		{"fragmented datagram", lab.Probe{From: "b", To: "a", Proto: lab.UDP, Size: 9000}},
		{"connection", lab.Probe{From: "a", To: "c", Proto: lab.TCP}},
		{"two megabytes each way", lab.Probe{From: "c", To: "b", Proto: lab.TCP, Size: 2 << 20}},
		{"echo", lab.Probe{From: "b", To: "c", Proto: lab.ICMP}},
		{"fragmented echo", lab.Probe{From: "b", To: "c", Proto: lab.ICMP, Size: 3000}},
		{"from the gateway", lab.Probe{From: lab.GatewayName, To: "c", Proto: lab.TCP}},
		{"to the gateway", lab.Probe{From: "a", To: lab.GatewayName, Proto: lab.UDP}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := l.Probe(t.Context(), tt.probe)
			if err != nil {
				t.Fatal(err)
			}
			want := max(tt.probe.Size, 64)
			if !r.Delivered || !r.Reached || r.Bytes != want || r.Err != nil || r.RTT <= 0 || r.Outcome() != lab.Passed {
				t.Errorf("%+v, want %d bytes delivered", r, want)
			}
		})
	}
}

// A probe says how far it came: here the answers are lost, or everything is.
func TestProbesWithoutAWayBack(t *testing.T) {
	l := startPlain(t)
	block(t, l, lab.GatewayName, "g-b", "g-a") // b to a
	short := 200 * time.Millisecond
	tests := []struct {
		name     string
		from, to string
		proto    lab.Proto
		want     lab.Outcome
	}{
		{"datagram there", "a", "b", lab.UDP, lab.Passed},
		{"datagram back", "b", "a", lab.UDP, lab.Dropped},
		{"connection there", "a", "b", lab.TCP, lab.OneWay},
		{"connection back", "b", "a", lab.TCP, lab.Dropped},
		{"echo there", "a", "b", lab.ICMP, lab.OneWay},
		{"echo back", "b", "a", lab.ICMP, lab.Dropped},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := l.Probe(t.Context(), lab.Probe{From: tt.from, To: tt.to, Proto: tt.proto, Timeout: short})
			if err != nil {
				t.Fatal(err)
			}
			if r.Outcome() != tt.want {
				t.Errorf("%v, want %v: %+v", r.Outcome(), tt.want, r)
			}
			if tt.want != lab.Passed && !errors.Is(r.Err, os.ErrDeadlineExceeded) {
				t.Errorf("error %v", r.Err)
			}
		})
	}
}

func TestProbeEndsWithItsContext(t *testing.T) {
	l := startPlain(t)
	block(t, l, lab.GatewayName, "g-b", "g-a")
	for _, proto := range lab.Protos() {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		begun := time.Now()
		_, err := l.Probe(ctx, lab.Probe{From: "b", To: "a", Proto: proto, Timeout: time.Minute})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 5*time.Second {
			t.Errorf("%v: %v after %v", proto, err, time.Since(begun))
		}
	}
}
