package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"

	"labelgate/internal/config"
	"labelgate/internal/icmp"
	"labelgate/internal/judge"
	"labelgate/internal/links"
	"labelgate/internal/queue"
	"labelgate/internal/split"
)

// run sets everything up in an order in which nothing passes that was not judged,
// runs the gateway until ctx ends, and takes it down.
func (d *daemon) run(ctx context.Context) error {
	stored := takeStored(storedQueue)
	if err := d.startAuditor(); err != nil {
		return err
	}
	defer d.stopAuditor()
	watcher, err := links.Watch(links.Config{Zones: judge.Interfaces(d.config), Errorf: d.errorf})
	if err != nil {
		return err
	}
	defer watcher.Close()
	d.links = watcher
	// The queue before the rules: the kernel gives a queue to one owner only, and a
	// second gateway must not touch the rules of the first. But what is wrong with
	// the files is said first, also to who has no right to a queue.
	packets, raw, owning := d.own(stored)
	defer d.disown(packets, raw)
	link, err := d.seat(raw)
	if err != nil {
		return errors.Join(err, owning)
	}
	defer d.unseat()
	summary, err := d.bench.Prepare(d.settings, 1)
	if err != nil {
		return &SettingsError{err}
	}
	if owning != nil {
		return owning
	}
	d.warn(summary)
	d.summary, d.stamp = summary, newStamp(0)
	release, err := alone(d.config.Queue.Number)
	if err != nil {
		return err
	}
	defer release()
	table, _ := watcher.Numbered()
	if err := refuseMasters(d.config, table); err != nil {
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
	return d.serve(ctx, packets, report.Backend.String())
}

// own takes what only this process may have: the queue, and a socket that ICMP errors
// leave by.
func (d *daemon) own(stored *os.File) (packets *queue.Queue, raw *os.File, err error) {
	q := d.config.Queue
	c := queue.Config{Number: q.Number, Length: q.Length, Errorf: d.errorf}
	if stored != nil {
		packets, err = queue.Adopt(c, int(stored.Fd()))
	} else {
		packets, err = queue.Open(c)
	}
	if err != nil {
		return nil, nil, err
	}
	raw, err = icmp.OpenSocket()
	if err != nil {
		return packets, nil, fmt.Errorf("ICMP errors: %w", err)
	}
	return packets, raw, nil
}

func (d *daemon) disown(packets *queue.Queue, raw *os.File) {
	if packets != nil {
		packets.Close()
	}
	if raw != nil {
		raw.Close()
	}
}

// seat finds who judges: a process of its own, which is given packets by the link, or
// this one.
func (d *daemon) seat(raw *os.File) (*split.Link, error) {
	d.judges.raw = raw
	if d.config.Confinement == config.Single {
		return nil, d.judgeHere(raw)
	}
	d.judges.front = split.NewFront(split.Config{Lost: d.failedJudge, Tests: selfTests})
	d.judges.failed = make(chan error, 1)
	return d.firstJudge()
}

// serve judges packets until ctx ends.
func (d *daemon) serve(ctx context.Context, packets *queue.Queue, backend string) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	lost := &overflow{number: d.config.Queue.Number, read: queue.ReadKernelStats, record: d.records.Write}
	d.verdicts.stats = packets.Stats
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return packets.Run(ctx, d.handler()) })
	tasks.Go(func() error { return d.follow(ctx, hangup) })
	tasks.Go(func() error {
		if err := lost.watch(ctx); err != nil {
			d.Log.Warn("what the kernel drops from a full queue is not counted", "error", err)
		}
		return nil
	})
	d.Log.Info("judging packets", "zones", d.summary.Zones, "rules", d.summary.Rules, "hosts", d.summary.Hosts,
		"queue", d.config.Queue.Number, "backend", backend, "mode", d.summary.Mode)
	if d.config.Self.Label == "" {
		d.Log.Warn("this machine has no label of its own ([self] in the settings): nobody reaches it through the interfaces of its zones, by ssh neither")
	}
	d.ready()
	err := tasks.Wait()
	d.stopped(packets.Stats(), lost)
	return err
}

// handler is what the queue's packets are given to.
func (d *daemon) handler() queue.Handler {
	if d.judges.front != nil {
		return d.judges.front
	}
	return d.bench.(*judge.Service).Handler()
}
