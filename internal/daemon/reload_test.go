package daemon

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/links"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

func replace(t *testing.T, path, old, new string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %q", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func inPolicy(path, file string) string {
	return strings.TrimSuffix(path, "labelgate.toml") + "policy/" + file
}

// strips reports whether a packet from red to the single-label host passes.
func strips(t *testing.T, d *daemon) bool {
	t.Helper()
	v := handle(d, queue.Packet{Hook: queue.Prerouting, Protocol: 0x0800, In: redIf, Payload: packet(t, red1, grayPop, foo3)})
	return v.Accept
}

func TestReload(t *testing.T) {
	path := write(t, settings, rules, hosts)
	d, log, _, plans := newDaemon(t, path)
	if !strips(t, d) {
		t.Fatal("denied from the start")
	}

	replace(t, inPolicy(path, "accesses.d/site"), "Foo Pop w", "Foo Pop r")
	if !strips(t, d) {
		t.Fatal("a file that changed was believed before a reload")
	}
	d.reload()
	if strips(t, d) {
		t.Error("the rule is gone, and the packet passes")
	}
	if got := d.summary.Generation; got != 2 {
		t.Errorf("generation %d, want 2", got)
	}
	if len(*plans) != 0 {
		t.Errorf("the zones are the same, and netfilter was told %d times", len(*plans))
	}
	if !strings.Contains(log.String(), "msg=reloaded generation=2") {
		t.Errorf("log:\n%s", log)
	}
}

// TestReloadRefused: whatever is wrong, all of the old policy stays.
func TestReloadRefused(t *testing.T) {
	const zones = "interfaces = [\"gray0\"]"
	tests := []struct {
		name   string
		change func(t *testing.T, path string)
		fail   func(d *daemon)
		log    string // part of what is said
		plans  int    // how often netfilter was told
	}{
		{"a bad rule", func(t *testing.T, path string) {
			replace(t, inPolicy(path, "accesses.d/site"), "Foo Pop w", "Foo Pop z")
		}, nil, "accesses.d/site:1:9", 0},
		{"bad settings", func(t *testing.T, path string) { replace(t, path, "logging", "loging") }, nil, "did you mean", 0},
		{"no settings", func(t *testing.T, path string) { os.Remove(path) }, nil, "no such file", 0},
		{"a label without its own level", func(t *testing.T, path string) {
			replace(t, inPolicy(path, "netlabel.d/site"), "Pop", "-CIPSO doi=99")
		}, nil, "DOI 99, which is not defined", 0},
		{
			"netfilter refuses", func(t *testing.T, path string) { replace(t, path, zones, `interfaces = ["gray1"]`) },
			func(d *daemon) {
				d.install = func(nft.Plan) (nft.Report, error) { return nft.Report{}, errors.New("busy") }
			}, "netfilter rules: busy", 0,
		},
		{
			"links refuse", func(t *testing.T, path string) { replace(t, path, zones, `interfaces = ["gray1"]`) },
			func(d *daemon) { d.links.(*fakeLinks).err = errors.New("twice") }, "twice", 2,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, settings, rules, hosts)
			d, log, _, plans := newDaemon(t, path)
			if tt.fail != nil {
				tt.fail(d)
			}
			before := d.inForce
			tt.change(t, path)
			d.reload()
			if d.config != before.config || d.summary.Generation != 1 || d.stamp != 1 || !strips(t, d) {
				t.Error("the old policy did not stay")
			}
			if !strings.Contains(log.String(), "reload refused") || !strings.Contains(log.String(), tt.log) {
				t.Errorf("log wants %q:\n%s", tt.log, log)
			}
			if len(*plans) != tt.plans {
				t.Fatalf("netfilter was told %d times, want %d", len(*plans), tt.plans)
			}
			if n := len(*plans); n > 0 && (*plans)[n-1].Zones[2].Interfaces[0] != "gray0" {
				t.Errorf("netfilter was left with %+v", (*plans)[n-1].Zones)
			}
		})
	}
}

// TestReloadZones: zones change place; interfaces, policy and netfilter change
// their numbers together.
func TestReloadZones(t *testing.T) {
	path := write(t, settings, rules, hosts)
	d, log, _, plans := newDaemon(t, path)
	// blue goes, so gray becomes zone 2.
	from, to := strings.Index(settings, "[[zone]]\nname = \"blue\""), strings.Index(settings, "[[zone]]\nname = \"gray\"")
	replace(t, path, settings[from:to], "")
	d.reload()
	if len(*plans) != 1 || len((*plans)[0].Zones) != 2 || (*plans)[0].Zones[1].Name != "gray" || (*plans)[0].Zones[1].Index != 2 {
		t.Fatalf("netfilter was told %+v\n%s", *plans, log)
	}
	if !strips(t, d) {
		t.Error("red to gray is denied")
	}
}

// TestReloadKeepsQueue: the queue and the records' place are bound when the
// daemon starts.
func TestReloadKeepsQueue(t *testing.T) {
	path := write(t, settings+"[queue]\nnumber = 7\n", rules, hosts)
	d, log, _, plans := newDaemon(t, path)
	replace(t, path, "number = 7", "number = 8")
	d.reload()
	if got := d.config.Queue.Number; got != 7 {
		t.Errorf("queue %d, want 7", got)
	}
	if len(*plans) != 0 || !strings.Contains(log.String(), "need a restart") {
		t.Errorf("netfilter was told %+v; log:\n%s", *plans, log)
	}
}

// TestFollow: a change of the links makes a new state of the same policy, and a
// signal a reload.
func TestFollow(t *testing.T) {
	path := write(t, settings, rules, hosts)
	d, log, records, _ := newDaemon(t, path)
	var frames atomic.Uint64
	d.guard.counters = func() (nft.Counters, error) { return nft.Counters{Ethertype: frames.Load()}, nil }
	f := d.links.(*fakeLinks)
	ctx, cancel := context.WithCancel(t.Context())
	hangup, done := make(chan os.Signal), make(chan error)
	d.signals.reload = hangup
	go func() { done <- d.follow(ctx) }()
	f.set(links.Link{Index: redIf, Name: "red0", Zone: 1, MTU: 1300})
	narrowed := make(chan uint16, 9)
	d.guard.narrow = func(p nft.Plan) error { narrowed <- p.Narrowest; return nil }
	f.changed <- struct{}{}
	if mtu := <-narrowed; mtu != 1300 {
		t.Errorf("MTU %d", mtu)
	}
	hangup <- os.Interrupt
	for range 3000 {
		if time.Sleep(time.Millisecond); strings.Contains(log.String(), "msg=reloaded") {
			break
		}
	}
	frames.Store(3)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if d.summary.Generation != 2 {
		t.Errorf("not reloaded:\n%s", log)
	}
	if !strings.Contains(records.String(), "reason=ethertype verdict=drop count=3") {
		t.Errorf("what netfilter dropped before the end is not on record:\n%s", records)
	}
}

// TestOverflow: each rise of the kernel's counts is a record.
func TestOverflow(t *testing.T) {
	_, _, records, _ := newDaemon(t, write(t, settings, rules, hosts))
	kernel := []queue.KernelStats{{Number: 99, QueueDropped: 1000}, {Number: 100}}
	o := overflow{number: 100, read: func() ([]queue.KernelStats, error) { return kernel, nil }, record: func(r *audit.Record) { records.Write(r) }}
	for _, step := range []struct{ full, buffer uint64 }{{0, 0}, {3, 0}, {3, 0}, {10, 5}, {2, 5}} {
		kernel[1].QueueDropped, kernel[1].UserDropped = step.full, step.buffer
		if err := o.poll(); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for line := range strings.Lines(records.String()) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), "lsm=labelgate ")
		got = append(got, rest)
	}
	want := []string{
		"event=queue_overflow action=denied reason=queue-full verdict=drop count=3",
		"event=queue_overflow action=denied reason=queue-full verdict=drop count=7",
		"event=queue_overflow action=denied reason=buffer-full verdict=drop count=5",
		"event=queue_overflow action=denied reason=queue-full verdict=drop count=2", // counted anew
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("records\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s := string(o.appendSummary(nil)); !strings.Contains(s, "seen: 17;") {
		t.Errorf("summary %q", s)
	}
	if s := new(overflow).appendSummary(nil); len(s) != 0 {
		t.Errorf("summary of nothing: %q", s)
	}
}

// TestOverflowWatch ends with its context. What the kernel does not tell it is asked
// again, and that is said once.
func TestOverflowWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	polls := 0
	o := overflow{read: func() ([]queue.KernelStats, error) { polls++; return nil, nil }}
	o.watch(ctx, func(err error) { t.Error(err) })
	if polls != 2 {
		t.Errorf("%d polls, want a first and a last one", polls)
	}
	ctx, cancel = context.WithCancel(t.Context())
	polls = 0
	o.read = func() ([]queue.KernelStats, error) {
		if polls++; polls < 3 {
			return nil, os.ErrNotExist
		}
		return nil, nil
	}
	var said []error
	o.watch(ctx, func(err error) {
		if said = append(said, err); err == nil {
			cancel()
		}
	})
	if len(said) != 2 || !errors.Is(said[0], os.ErrNotExist) || said[1] != nil {
		t.Errorf("said %v", said)
	}
}

// TestRunSettings: what is wrong with the files is told apart from what the
// machine refuses.
func TestRunSettings(t *testing.T) {
	if raced {
		t.Skip("the race detector needs cgo, with which no process can be confined")
	}
	path := write(t, settings, "Foo Pop z\n", hosts)
	var wrong *SettingsError
	err := Run(t.Context(), Options{Config: path})
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "accesses.d/site:1:9") {
		t.Errorf("%v", err)
	}
	err = Run(t.Context(), Options{Config: path + "x"})
	if !errors.As(err, &wrong) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
