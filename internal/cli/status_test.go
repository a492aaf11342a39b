package cli

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"labelgate/internal/control"
)

var update = flag.Bool("update", false, "write testdata anew; commit only what you understand")

// now is the time at which the screens of the tests are looked at.
var now = time.Date(2026, 11, 21, 18, 30, 0, 0, time.UTC)

// well is a gateway with nothing wrong.
func well() *control.Status {
	return &control.Status{
		Version: "v1.4.0", PID: 812, Started: now.Add(-76 * time.Hour), Since: now.Add(-76 * time.Hour), State: control.StateJudging,
		Settings: "/etc/labelgate/labelgate.toml", Mode: "strict", Confinement: "strict",
		Policy: control.Policy{Generation: 7, Digest: "3f9a12c4d5e6f7", Loaded: now.Add(-125 * time.Minute), Zones: 2, Labels: 40, Rules: 212, Hosts: 31},
		Reload: &control.Attempt{Time: now.Add(-125 * time.Minute), Generation: 7},
		Rules:  control.Rules{InPlace: true, Checked: now.Add(-400 * time.Millisecond), Backend: "native"},
		Queue:  control.Queue{Number: 100, Length: 4096, Depth: 17},
		Audit:  control.Audit{State: control.AuditWriting, Output: "/var/log/labelgate/audit.log", Full: "halt", Written: 1203488, Suppressed: 20},
		Zones:  []string{"enclave", "office"},
		Counters: control.Counters{Packets: []control.ZonePackets{
			{Zone: "enclave", Passed: map[string]uint64{"pass": 7, "strip": 81234567}, Dropped: map[string]uint64{"no-rule": 4031, "unknown-label": 3, "label-missing": 12, "too-big": 0}},
			{Zone: "office", Passed: map[string]uint64{"add": 79000211}, Dropped: map[string]uint64{"label-from-unlabeled-zone": 2}},
			{Zone: control.ThisMachine, Passed: map[string]uint64{"add": 1}},
		}},
		Processes: []control.Process{
			{Name: "keeper", PID: 812, State: control.ProcessRunning, Since: now.Add(-76 * time.Hour), Memory: 13 << 20, Sandbox: control.Sandbox{UID: 990, Capabilities: []string{"net_admin"}, NoNewPrivs: true, Landlock: 7, Seccomp: "kill"}},
			{Name: "judge", PID: 815, State: control.ProcessRunning, Since: now.Add(-76 * time.Hour), Memory: 21 << 20, Sandbox: control.Sandbox{UID: 990, NoNewPrivs: true, Landlock: 7, Seccomp: "kill"}},
			{Name: "auditor", PID: 816, State: control.ProcessRunning, Since: now.Add(-76 * time.Hour), Memory: 8 << 20, Sandbox: control.Sandbox{UID: 990, NoNewPrivs: true, Landlock: 7, Seccomp: "kill"}},
			{Name: "control", PID: 817, State: control.ProcessRunning, Since: now.Add(-76 * time.Hour), Memory: 11 << 20, Sandbox: control.Sandbox{UID: 990, NoNewPrivs: true, Landlock: 7, Seccomp: "kill"}},
		},
	}
}

// ill is one with everything wrong.
func ill() *control.Status {
	s := well()
	s.State, s.Detail = control.StateHalted, "audit records cannot be written"
	s.Upgrades, s.Since = 1, now.Add(-40*time.Second)
	s.Policy.Warnings = 2
	s.Reload = &control.Attempt{Time: now.Add(-90 * time.Second), Refused: true, Message: "policy/accesses.d/site:3:4: a rule has three fields\x1b[2J"}
	s.Rules = control.Rules{Checked: now.Add(-time.Second), Backend: "compat", Changed: 3}
	s.Queue.Depth = 4096
	s.Audit.State, s.Audit.Error, s.Audit.Lost, s.Audit.Failures, s.Audit.Stalls = control.AuditHalted, "no space left on device", 3, 12, 1
	s.Counters.Packets = append(s.Counters.Packets, control.ZonePackets{Zone: control.NoZone, Dropped: map[string]uint64{"no-zone": 4}})
	s.Counters.Kernel = control.KernelDrops{QueueFull: 11000, BufferFull: 12, Unjudged: 13, IPv6: 14, Ethertype: 15}
	s.Counters.Unanswered, s.Counters.Unrecorded = 16, 1700
	s.Processes[1] = control.Process{Name: "judge", State: control.ProcessStarting, Since: now, Restarts: 5, LastEnd: "signal: bad system call"}
	s.Processes[3].Sandbox = control.Sandbox{Seccomp: "none"}
	return s
}

// The screen is what it was, and fits on one of 80 columns and 40 lines.
func TestStatusScreen(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status *control.Status
		wide   string // what may be wider: what the gateway says in its own words
	}{
		{name: "well", status: well()},
		{name: "ill", status: ill(), wide: "ANY FILE"},
		{name: "new", status: &control.Status{Version: "devel", State: control.StateStarting}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := writeStatus(&b, tt.status, now); err != nil {
				t.Fatal(err)
			}
			golden := "testdata/status-" + tt.name + ".txt"
			if *update {
				if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("the screen differs; go test ./internal/cli -update writes it anew (-want +got):\n%s", diff)
			}
			lines := strings.Split(b.String(), "\n")
			for _, l := range lines {
				if len(l) > 80 && (tt.wide == "" || !strings.Contains(l, tt.wide)) {
					t.Errorf("%d columns: %s", len(l), l)
				}
				if strings.ContainsRune(l, 0x1b) {
					t.Errorf("speaks to the terminal: %q", l)
				}
			}
			if len(lines) > 40 {
				t.Errorf("%d lines", len(lines))
			}
		})
	}
}

func TestSpan(t *testing.T) {
	for _, tt := range []struct {
		name string
		d    time.Duration
		want string
	}{
		{name: "nothing", want: "0 s"},
		{name: "clock went back", d: -time.Hour, want: "0 s"},
		{name: "seconds", d: 59900 * time.Millisecond, want: "59 s"},
		{name: "minutes", d: 61 * time.Second, want: "1 min 1 s"},
		{name: "whole minutes", d: 2 * time.Minute, want: "2 min"},
		{name: "hours", d: 125 * time.Minute, want: "2 h 5 min"},
		{name: "days", d: 76 * time.Hour, want: "3 d 4 h"},
		{name: "since nobody knows when", d: now.Sub(time.Time{}), want: "-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := span(tt.d); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", 1<<64 - 1: "18,446,744,073,709,551,615"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
	}
}
