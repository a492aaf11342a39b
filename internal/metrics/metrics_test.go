package metrics

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"labelgate/internal/control"
	"labelgate/netlabel"
)

var update = flag.Bool("update", false, "write testdata anew; commit only what you understand")

// busy is a status with a value in every field that matters.
func busy() *control.Status {
	s := &control.Status{
		Version: "v1.4.0", Started: time.Unix(1700000000, 0), Upgrades: 2, State: control.StateJudging, Mode: "strict", Confinement: "single",
		Settings: "/etc/secret-path",
		Policy:   control.Policy{Generation: 7, Loaded: time.Unix(1700000100, 5e8), Rules: 212, Labels: 40, Hosts: 31, Warnings: 1, Digest: "secret-digest"},
		Reload:   &control.Attempt{Refused: true, Message: "secret-message"},
		Rules:    control.Rules{InPlace: true, Changed: 3},
		Queue:    control.Queue{Number: 100, Length: 4096, Depth: 17},
		Audit:    control.Audit{State: control.AuditWriting, Written: 1000, Suppressed: 20, Lost: 1, Failures: 2, Stalls: 4, Output: "/secret-output", Error: "secret-error"},
		Zones:    []string{"enclave", "office"},
		Processes: []control.Process{
			{Name: "keeper", State: control.ProcessRunning, Memory: 1 << 20, LastEnd: "secret-end"},
			{Name: "judge", State: control.ProcessStarting, Restarts: 5},
		},
	}
	s.Counters = control.Counters{
		Packets: []control.ZonePackets{
			{Zone: "enclave", Passed: map[string]uint64{"pass": 7, "strip": 20}, Dropped: map[string]uint64{"no-rule": 3}},
			{Zone: control.NoZone, Dropped: map[string]uint64{"no-zone": 4}},
			{Zone: control.ThisMachine, Passed: map[string]uint64{"add": 1}},
		},
		Kernel:     control.KernelDrops{QueueFull: 11, BufferFull: 12, Unjudged: 13, IPv6: 14, Ethertype: 15},
		Queue:      control.QueueCounts{Received: 35, Truncated: 1, Refused: 2, Panicked: 3, Malformed: 4, Overruns: 5, ReceiveErrors: 6, VerdictErrors: 7},
		ICMP:       control.ICMPCounts{Sent: 1, Limited: 2, Full: 3, Unfit: 4, Failed: 5},
		Unanswered: 8, Unrecorded: 9,
		Control: control.Calls{Clients: 1, Requests: 2, Refused: 3, Admin: 4},
	}
	return s
}

func gather(t *testing.T, s *control.Status, err error) []*dto.MetricFamily {
	t.Helper()
	families, gathered := NewServer(Config{Status: func(context.Context) (*control.Status, error) { return s, err }}).registry().Gather()
	if gathered != nil {
		t.Fatal(gathered)
	}
	return families
}

// ours writes the gateway's own metrics as text.
func ours(t *testing.T, families []*dto.MetricFamily) string {
	t.Helper()
	var b bytes.Buffer
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), prefix) {
			if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b.String()
}

func TestText(t *testing.T) {
	const golden = "testdata/metrics.txt"
	got := ours(t, gather(t, busy(), nil))
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("metrics differ; go test ./internal/metrics -update writes them anew (-want +got):\n%s", diff)
	}
	for _, d := range Descriptions() {
		if !strings.Contains(got, "# HELP "+d.Name+" ") {
			t.Errorf("%s is described and not shown", d.Name)
		}
	}
}

// The library's own check of names and units.
func TestLint(t *testing.T) {
	problems, err := promlint.NewWithMetricFamilies(gather(t, busy(), nil)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, prefix) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// A gateway that has done nothing yet, and one that cannot be asked.
func TestEdges(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status *control.Status
		err    error
		want   []string
		not    []string
	}{
		{name: "empty", status: &control.Status{}, want: []string{"labelgate_up 1\n", "labelgate_start_time_seconds 0\n", "labelgate_last_reload_successful 1\n"}, not: []string{"labelgate_rules_in_place"}},
		{name: "open", status: &control.Status{Rules: control.Rules{Checked: time.Unix(1, 0)}}, want: []string{"labelgate_rules_in_place 0\n"}},
		{name: "no answer", err: errors.New("gone"), want: []string{"labelgate_up 0\n"}, not: []string{"labelgate_state", "labelgate_queue"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ours(t, gather(t, tt.status, tt.err))
			for _, w := range tt.want {
				if !strings.Contains(got, w) {
					t.Errorf("no %q in\n%s", w, got)
				}
			}
			for _, n := range tt.not {
				if strings.Contains(got, n) {
					t.Errorf("%q in\n%s", n, got)
				}
			}
		})
	}
}

// Metrics say nothing of the policy's content or of hosts, and the values of
// labels are few.
func TestFewAndHarmless(t *testing.T) {
	s := busy()
	s.Counters.Packets = nil
	for z := range 256 {
		p := control.ZonePackets{Zone: strings.Repeat("z", 30) + string(rune('a'+z/26)) + string(rune('a'+z%26)), Passed: map[string]uint64{}, Dropped: map[string]uint64{}}
		for a := netlabel.Pass; a <= netlabel.Blank; a++ {
			p.Passed[a.String()] = 1
		}
		for _, r := range netlabel.Reasons() {
			p.Dropped[r.String()] = 1
		}
		s.Counters.Packets = append(s.Counters.Packets, p)
	}
	families := gather(t, s, nil)
	if text := ours(t, families); strings.Contains(text, "secret") {
		t.Errorf("something of the settings is shown:\n%s", text[:1000])
	}
	for _, f := range families {
		limit := 100
		if f.GetName() == "labelgate_packets_total" {
			limit = 256 * (5 + len(netlabel.Reasons()))
		}
		if n := len(f.Metric); n > limit {
			t.Errorf("%s has %d series", f.GetName(), n)
		}
	}
}

// What other packages register for themselves is not shown.
func TestOwnRegistry(t *testing.T) {
	foreign := prometheus.NewGauge(prometheus.GaugeOpts{Name: "foreign", Help: "h"})
	prometheus.MustRegister(foreign)
	defer prometheus.Unregister(foreign)
	own := map[string]bool{
		"go_build_info": true, "go_goroutines": true, "go_gc_heap_live_bytes": true, "go_memory_classes_total_bytes": true,
		"process_cpu_seconds_total": true, "process_resident_memory_bytes": true, "process_open_fds": true,
	}
	for _, f := range gather(t, busy(), nil) {
		name := f.GetName()
		switch {
		case strings.HasPrefix(name, prefix), own[name]:
			delete(own, name)
		default:
			t.Errorf("%s is shown", name)
		}
	}
	for name := range own {
		t.Errorf("%s is not shown", name)
	}
}

// Whoever asks often does not make the gateway answer often.
func TestFresh(t *testing.T) {
	asked := 0
	r := NewServer(Config{Status: func(context.Context) (*control.Status, error) {
		asked++
		return busy(), nil
	}}).registry()
	for range 50 {
		if _, err := r.Gather(); err != nil {
			t.Fatal(err)
		}
	}
	if asked > 10 {
		t.Errorf("the gateway was asked %d times", asked)
	}
}

// The process is shown as it is.
func TestSelf(t *testing.T) {
	s := newSelf()
	defer s.close()
	cpu, pages, ok := s.usage()
	if size := pages * uint64(os.Getpagesize()); !ok || cpu > 1e6 || size < 1<<20 || size > 1<<34 {
		t.Errorf("%d ticks, %d pages, %v", cpu, pages, ok)
	}
	before, _ := s.descriptors()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if after, ok := s.descriptors(); !ok || before < 3 || after != before+1 {
		t.Errorf("%d descriptors, and with one more %d", before, after)
	}
	blind := &self{}
	if _, _, ok := blind.usage(); ok {
		t.Error("without /proc something is known")
	}
	if _, ok := blind.descriptors(); ok {
		t.Error("without /proc something is open")
	}
}
