package daemon

import (
	"os"
	"strconv"
	"strings"

	"labelgate/internal/audit"
	"labelgate/internal/config"
	"labelgate/internal/control"
	"labelgate/internal/judge"
	"labelgate/internal/process"
	"labelgate/internal/sandbox"
	"labelgate/internal/version"
)

// status is all that the gateway says of itself.
func (d *daemon) status() *control.Status {
	s := &control.Status{
		Version: version.String(), PID: os.Getpid(), Started: d.started, Since: d.since, Upgrades: d.handover.Upgrades,
		State: control.StateJudging, Settings: d.config.Path, Mode: d.summary.Mode, Confinement: d.config.Confinement.String(),
		Policy: d.policy(), Reload: d.attempt,
		Rules: control.Rules{InPlace: d.guard.inPlace, Checked: d.guard.checked, Backend: d.backend, Changed: d.guard.changed},
		Queue: control.Queue{
			Number: d.config.Queue.Number, Length: d.config.Queue.Length, Depth: d.overflow.waits.Load(),
		},
		Audit: d.auditState(), Counters: d.counters(), Processes: d.processes(),
	}
	s.Queue.FullDrops, s.Queue.SocketFull = s.Counters.Kernel.QueueFull, s.Counters.Kernel.BufferFull
	for _, z := range d.config.Zones {
		s.Zones = append(s.Zones, z.Name)
	}
	switch {
	case d.judges.missing:
		s.State, s.Detail = control.StateStarting, d.judges.told
	case s.Audit.State == control.AuditHalted:
		s.State, s.Detail = control.StateHalted, s.Audit.Error
	}
	return s
}

func (d *daemon) policy() control.Policy {
	p := &d.summary
	return control.Policy{
		Generation: p.Generation, Digest: p.Digest, Loaded: d.loaded, Files: p.Files, Zones: p.Zones, Labels: p.Labels,
		Rules: p.Rules, Hosts: p.Hosts, Warnings: len(p.Warnings),
	}
}

func (d *daemon) auditState() control.Audit {
	a := control.Audit{
		State: control.AuditWriting, Output: d.config.Audit.Output, Full: audit.FullHalt,
		Written: d.handover.Counted.Written + d.auditing.state.Written, Failures: d.handover.Counted.Failures + d.auditing.state.Retries, Error: d.auditing.state.LastError,
	}
	if d.config.Audit.Full == config.Degrade {
		a.Full = audit.FullDegrade
	}
	if d.auditing.state.BlockedSince != 0 {
		a.State = control.AuditHalted
		if a.Full == audit.FullDegrade {
			a.State = control.AuditDegraded
		}
	} else {
		a.Error = ""
	}
	return a
}

func (d *daemon) counters() control.Counters {
	c := control.Counters{
		Unanswered: d.judges.lost.Load(),
		Kernel: control.KernelDrops{
			QueueFull: d.overflow.fullTotal.Load(), BufferFull: d.overflow.bufferTotal.Load(),
			Unjudged: d.guard.totals[audit.ReasonUnjudged], IPv6: d.guard.totals[audit.ReasonIPv6], Ethertype: d.guard.totals[audit.ReasonEthertype],
		},
	}
	sum := d.tally.sum(judge.NewCounters)
	for _, z := range sum.All() {
		name := z.Zone
		if name == "" {
			name = control.NoZone
		}
		passed, dropped := sum.Named(z)
		c.Packets = append(c.Packets, control.ZonePackets{Zone: name, Passed: passed, Dropped: dropped})
	}
	q := d.packets.Stats()
	c.Queue = control.QueueCounts{
		Received: q.Received, Accepted: q.Accepted, Dropped: q.Dropped, Rewritten: q.Rewritten, Truncated: q.Truncated, Refused: q.Refused,
		Panicked: q.Panicked, Malformed: q.Malformed, Overruns: q.Overruns, ReceiveErrors: q.ReceiveErrors, VerdictErrors: q.VerdictErrors,
	}
	addQueue(&c.Queue, &d.handover.Counted.Queue)
	return c
}

// processes lists the family.
func (d *daemon) processes() []control.Process {
	all := []control.Process{{
		Name: roleKeeper, PID: os.Getpid(), State: control.ProcessRunning, Since: d.since, Memory: resident(os.Getpid()), Sandbox: box(d.sandbox),
	}}
	add := func(name string, c *process.Child, s sandbox.State, restarts uint64, last string) {
		if c == nil {
			return
		}
		p := control.Process{Name: name, PID: c.PID(), State: control.ProcessRunning, Since: c.Started, Restarts: restarts, LastEnd: last, Memory: resident(c.PID()), Sandbox: box(s)}
		if !c.Alive() {
			p.State = control.ProcessGone
		}
		all = append(all, p)
	}
	if b, ok := d.bench.(*remoteBench); ok {
		add(roleJudge, d.judges.child, b.sandbox, d.judges.restarts, d.judges.last)
	}
	add(roleAuditor, d.auditing.child, d.auditing.sandbox, d.auditing.restarts, d.auditing.last)
	add(roleControl, d.controlling.child, d.controlling.sandbox, d.controlling.restarts, d.controlling.last)
	return all
}

func box(s sandbox.State) control.Sandbox {
	b := control.Sandbox{UID: uint32(s.UID), Capabilities: s.Capabilities, NoNewPrivs: s.NoNewPrivileges, Landlock: s.LandlockABI, Seccomp: "none"}
	if s.Seccomp {
		b.Seccomp = "kill"
	}
	return b
}

// resident is how much memory a process has in use, in bytes; 0 when that is not told.
func resident(pid int) uint64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(fields[1], 10, 64)
	return pages * uint64(os.Getpagesize())
}

// health is what the watchdog looks at, for people.
func (d *daemon) health() control.Health {
	h := control.Health{Healthy: true}
	for _, c := range d.checks() {
		check := control.Check{Name: c.name, Healthy: c.wrong == "", Message: c.wrong}
		if check.Healthy {
			check.Message = c.well
		}
		h.Healthy = h.Healthy && check.Healthy
		h.Checks = append(h.Checks, check)
	}
	return h
}

// told is how much of a text goes into a status. All of it is in the log.
const told = 4 << 10

// clip shortens a text that may be of any length.
func clip(text string) string {
	if len(text) <= told {
		return text
	}
	return strings.ToValidUTF8(text[:told], "") + "..."
}
