package daemon

import (
	"encoding/json"
	"io"
	"maps"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/control"
)

// counted is what a gateway has counted since it was started. An upgrade hands it to
// the next program: by names, which may have another order there.
type counted struct {
	Counters          control.Counters
	Written, Failures uint64 // of records
}

// handCounted puts what was counted so far where the next program finds it: in memory,
// for it may be more than an environment holds. Without it an upgrade goes on.
func (d *daemon) handCounted() {
	d.lastCounts()
	a := d.auditState()
	f, err := newMemory("counted")
	if err == nil {
		defer f.Close()
		err = json.NewEncoder(f).Encode(counted{d.counters(), a.Written, a.Failures})
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		d.handover.Counted, err = unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	}
	if err != nil {
		d.Log.Warn("the next program does not know what was counted so far", "error", err)
	}
}

// lastPatience is how long packets wait for the last counts of a judge.
const lastPatience = 200 * time.Millisecond

// lastCounts asks the judge once more.
func (d *daemon) lastCounts() {
	if d.judges.missing {
		return
	}
	got := make(chan []audit.ZoneCounts, 1)
	b := d.bench
	go func() {
		if all, err := b.Counts(); err == nil {
			got <- all
		}
	}()
	select {
	case all := <-got:
		d.counted(b, all)
	case <-time.After(lastPatience):
	}
}

// takeCounted takes what the program before has counted.
func (d *daemon) takeCounted() (c counted) {
	f := file(d.handover.Counted, "counted")
	if f == nil {
		return c
	}
	d.handover.Counted = 0
	defer f.Close()
	if err := json.NewDecoder(f).Decode(&c); err != nil {
		d.Log.Warn("what was counted by the program before is not known", "error", err)
		return counted{}
	}
	return c
}

// added returns what was counted by two programs, one after the other.
func added(a, b control.Counters) control.Counters {
	all := b
	all.Packets = nil
	at := make(map[string]int)
	for _, z := range append(a.Packets[:len(a.Packets):len(a.Packets)], b.Packets...) {
		i, ok := at[z.Zone]
		if !ok {
			i = len(all.Packets)
			at[z.Zone] = i
			all.Packets = append(all.Packets, control.ZonePackets{Zone: z.Zone, Passed: make(map[string]uint64), Dropped: make(map[string]uint64)})
		}
		more(all.Packets[i].Passed, z.Passed)
		more(all.Packets[i].Dropped, z.Dropped)
	}
	k, q, i := &all.Kernel, &all.Queue, &all.ICMP
	for _, sum := range []struct {
		to   *uint64
		more uint64
	}{
		{&all.Unanswered, a.Unanswered}, {&all.Unrecorded, a.Unrecorded},
		{&k.QueueFull, a.Kernel.QueueFull}, {&k.BufferFull, a.Kernel.BufferFull}, {&k.Unjudged, a.Kernel.Unjudged},
		{&k.IPv6, a.Kernel.IPv6}, {&k.Ethertype, a.Kernel.Ethertype},
		{&q.Received, a.Queue.Received}, {&q.Accepted, a.Queue.Accepted}, {&q.Dropped, a.Queue.Dropped}, {&q.Rewritten, a.Queue.Rewritten},
		{&q.Truncated, a.Queue.Truncated}, {&q.Refused, a.Queue.Refused}, {&q.Panicked, a.Queue.Panicked}, {&q.Malformed, a.Queue.Malformed},
		{&q.Overruns, a.Queue.Overruns}, {&q.ReceiveErrors, a.Queue.ReceiveErrors}, {&q.VerdictErrors, a.Queue.VerdictErrors},
		{&i.Sent, a.ICMP.Sent}, {&i.Limited, a.ICMP.Limited}, {&i.Full, a.ICMP.Full}, {&i.Unfit, a.ICMP.Unfit}, {&i.Failed, a.ICMP.Failed},
	} {
		*sum.to += sum.more
	}
	return all
}

// more adds counts by name.
func more(to, from map[string]uint64) {
	for name := range maps.Keys(from) {
		to[name] += from[name]
	}
}
