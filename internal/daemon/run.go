package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"labelgate/internal/audit"
	"labelgate/internal/config"
	"labelgate/internal/icmp"
	"labelgate/internal/judge"
	"labelgate/internal/links"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
	"labelgate/internal/split"
	"labelgate/internal/version"
)

// run sets everything up in an order in which nothing passes that was not judged,
// runs the gateway until ctx ends, and takes it down.
func (d *daemon) run(ctx context.Context) error {
	if err := d.beginTrail(); err != nil {
		return err
	}
	defer d.endTrail()
	watcher, err := links.Watch(links.Config{Zones: judge.Interfaces(d.config), Errorf: d.errorf})
	if err != nil {
		return err
	}
	defer watcher.Close()
	d.links, d.watcher = watcher, watcher
	// The queue before the rules: the kernel gives a queue to one owner only, and a
	// second gateway must not touch the rules of the first. But what is wrong with
	// the files is said first, also to who has no right to a queue.
	owning := d.own()
	defer d.disown()
	link, err := d.seat()
	if err != nil {
		return errors.Join(owning, err)
	}
	defer d.unseat()
	summary, err := d.bench.Prepare(d.bundle, d.handover.Generation+1)
	if err != nil {
		return &SettingsError{err}
	}
	if owning != nil {
		return owning
	}
	d.handover.reap()
	if err := d.startAuditor(); err != nil {
		return err
	}
	d.warn(summary)
	d.summary, d.stamp = summary, d.handover.stamp(summary.Numbering)
	table, _ := watcher.Numbered()
	if err := refuseMasters(d.config, table); err != nil {
		return err
	}
	if err := d.refuseBypasses(); err != nil {
		return err
	}
	if err := d.bench.Commit(d.stamp); err != nil {
		return err
	}
	d.look()
	d.register(d.config)
	defer d.unregister()
	// From here on nothing passes that was not judged.
	d.retranslate()
	d.guard.narrowest = narrowest(d.table, len(d.config.Zones))
	report, err := d.lay(d.plan(d.config))
	if err != nil {
		return fmt.Errorf("netfilter rules: %w", err)
	}
	if link != nil {
		if err := d.judges.front.Attach(link); err != nil {
			return err
		}
	}
	return d.serve(ctx, report.Backend.String())
}

// own takes what only this process may have: the queue, the lock, and a socket that
// ICMP errors leave by.
func (d *daemon) own() (err error) {
	q, h := d.config.Queue, &d.handover
	c := queue.Config{Number: q.Number, Length: q.Length, Errorf: d.errorf}
	if h.Queue != 0 {
		if d.packets, err = queue.Adopt(c, h.Queue); err != nil {
			d.Log.Warn("the queue that was handed over is not taken", "error", err)
			file(h.Queue, "queue").Close()
		}
		d.adopted = err == nil && h.Upgrades == 0
	}
	if d.packets == nil {
		if d.packets, err = queue.Open(c); err != nil {
			return err
		}
		d.deposit()
	}
	if d.lock, err = alone(q.Number, h.Lock); err != nil {
		return err
	}
	if d.raw = file(h.Raw, "icmp"); d.raw == nil {
		if d.raw, err = icmp.OpenSocket(); err != nil {
			return fmt.Errorf("ICMP errors: %w", err)
		}
	}
	return nil
}

func (d *daemon) disown() {
	switch {
	case d.packets == nil:
	case d.adopted && !d.served:
		// This start failed, and packets wait for the next.
		d.packets.Release()
		d.packets.Close()
	default:
		d.packets.Close()
		_ = forgetFD(storedQueue) // it is no queue any more
	}
	if d.lock != nil {
		d.lock.Close()
	}
	if d.raw != nil {
		d.raw.Close()
	}
}

// seat finds who judges: a process of its own, which is given packets by the link, or
// this one.
func (d *daemon) seat() (*split.Link, error) {
	if d.config.Confinement == config.Single {
		return nil, d.judgeHere()
	}
	d.judges.front = split.NewFront(split.Config{Lost: d.failedJudge, Tests: selfTests})
	d.judges.failed = make(chan error, 1)
	return d.firstJudge()
}

// unseat ends who judges.
func (d *daemon) unseat() {
	if d.judges.front != nil {
		d.judges.front.Close()
	}
	d.bench.Close()
	if d.judges.child != nil {
		d.judges.child.Wait(exitPatience)
	}
}

// serve judges packets until ctx ends, or until another program takes over.
func (d *daemon) serve(ctx context.Context, backend string) error {
	notices, err := nft.Watch(0, d.errorf)
	if err != nil {
		return err
	}
	defer notices.Close()
	d.notices = notices.Changed()
	d.overflow = &overflow{full: d.handover.Full, buffer: d.handover.Buffer, adopted: d.adopted, number: d.config.Queue.Number, depth: queue.Depth{Polls: 4}, read: queue.ReadKernelStats, record: func(r *audit.Record) { d.records.Write(r) }}
	d.overflow.fullTotal.Store(d.handover.Counted.Lost[0])
	d.overflow.bufferTotal.Store(d.handover.Counted.Lost[1])
	if err := d.startControl(); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	defer d.endControl()
	d.backend, d.loaded = backend, time.Now()
	d.served = true
	d.begun(backend)
	for {
		err = d.tasks(ctx)
		if !errors.Is(err, errUpgrade) {
			break
		}
		if ctx.Err() != nil { // nobody would tell the next program that it was to end
			err = nil
			break
		}
		if err = d.stay(d.takeOver()); err != nil {
			break
		}
		d.ready()
	}
	d.stopped(d.packets.Stats(), d.overflow)
	return err
}

// tasks is the work of a gateway.
func (d *daemon) tasks(ctx context.Context) error {
	d.verdicts = verdicts{stats: d.packets.Stats}
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		handler := d.handler()
		err := d.packets.Run(ctx, handler)
		if h, ok := handler.(*judge.Handler); ok {
			h.End() // what it had not summed up yet is on record as well
		}
		if err == nil && d.upgrading.Load() {
			return errUpgrade
		}
		return err
	})
	tasks.Go(func() error { return d.follow(ctx) })
	tasks.Go(func() error {
		d.overflow.watch(ctx, func(err error) {
			if err != nil {
				d.Log.Error("what the kernel drops from a full queue cannot be read; it is counted when it can", "error", err)
				return
			}
			d.Log.Info("what the kernel drops from a full queue can be read again")
		})
		return nil
	})
	err := tasks.Wait()
	d.verdicts.watch(d.records)
	return err
}

// begun says that the gateway judges packets.
func (d *daemon) begun(backend string) {
	d.remember()
	d.Log.Info("judging packets", "zones", d.summary.Zones, "rules", d.summary.Rules, "hosts", d.summary.Hosts,
		"queue", d.config.Queue.Number, "backend", backend, "mode", d.summary.Mode)
	if d.config.Self.Label == "" {
		d.Log.Warn("this machine has no label of its own ([self] in the settings): nobody reaches it through the interfaces of its zones, by ssh neither")
	}
	if n := d.packets.Stats().Stale; n > 0 {
		d.records.Write(&audit.Record{Event: audit.EventQueueError, Action: audit.Denied, Reason: audit.ReasonStale, Verdict: "drop", Count: n})
	}
	d.records.Write(&audit.Record{Event: audit.EventStart, Process: roleKeeper, PID: uint32(os.Getpid()), Generation: d.summary.Generation, Detail: version.String()})
	if d.Confine {
		d.records.Write(confined(roleKeeper, os.Getpid(), d.sandbox))
	}
	if b, ok := d.bench.(*remoteBench); ok {
		d.records.Write(confined(roleJudge, d.judges.child.PID(), b.sandbox))
	}
	d.ready()
}

// handler is what the queue's packets are given to.
func (d *daemon) handler() queue.Handler {
	if d.judges.front != nil {
		return d.judges.front
	}
	return d.bench.(*local).Handler()
}
