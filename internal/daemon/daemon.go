// Package daemon is labelgated: it wires the kernel's queue to the one pure
// function that decides, and looks after everything around it: rules, links,
// reloads, records and readiness. It decides nothing itself.
package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"labelgate/internal/audit"
	"labelgate/internal/config"
	"labelgate/internal/kerneldoi"
	"labelgate/internal/links"
	"labelgate/internal/load"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

// Options are what the command line says.
type Options struct {
	Config string // path of the settings file
	Log    *slog.Logger
	Stdout io.Writer
	Stderr io.Writer
}

// Run runs the gateway until ctx ends. The netfilter table stays: a gateway that
// is gone lets nothing through.
func Run(ctx context.Context, o Options) error {
	gateway, err := load.Load(o.Config, 1)
	if err != nil {
		return &SettingsError{err}
	}
	d := &daemon{Options: o, counters: newCounters(), generation: 1, install: nft.Install, guard: guard{
		check:    nft.Check,
		narrow:   nft.Narrow,
		counters: func() (nft.Counters, error) { return nft.ReadCounters(nft.DefaultTable, 0) },
		ruleset:  ruleset{translates: new(nft.TranslationWatch).Translates},
	}, domains: domains{registrar: new(kerneldoi.Registration)}}
	d.warn(gateway)
	out, err := d.open(gateway.Config.Audit.Output)
	if err != nil {
		return err
	}
	defer out.close()
	d.sink = audit.NewSink(out, audit.Options{Format: format(gateway.Config.Audit.Format), OnError: func(err error) {
		o.Log.Error("audit record not written", "error", err)
	}})
	defer d.closeSink() // for an end before packets were judged
	return d.run(ctx, gateway)
}

// SettingsError says that the settings or the policy are at fault, not the
// machine.
type SettingsError struct{ Err error }

func (e *SettingsError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong with them: a policyfile.Problems, or why they
// cannot be read.
func (e *SettingsError) Unwrap() error { return e.Err }

type daemon struct {
	Options
	live       live
	counters   *audit.Counters
	sink       *audit.Sink
	links      linkWatcher
	install    func(nft.Plan) (nft.Report, error)
	guard      guard
	domains    domains
	generation uint32
}

func (d *daemon) run(ctx context.Context, gateway *load.Gateway) error {
	q := gateway.Config.Queue
	// The queue first: the kernel gives a queue to one owner only, and a second
	// gateway must not touch the rules of the first.
	packets, err := queue.Open(queue.Config{Number: q.Number, Length: q.Length, Errorf: d.errorf})
	if err != nil {
		return err
	}
	defer packets.Close()
	release, err := alone(q.Number)
	if err != nil {
		return err
	}
	defer release()
	watcher, err := links.Watch(links.Config{Zones: interfaces(gateway.Config), Errorf: d.errorf})
	if err != nil {
		return err
	}
	defer watcher.Close()
	d.links = watcher
	table, _ := watcher.Numbered()
	if err := refuseMasters(gateway.Config, table); err != nil {
		return err
	}
	d.live.store(newState(gateway, d.links, d.counters, newStamp(0)))
	d.inspect(table)
	errors, err := d.openErrors()
	if err != nil {
		return err
	}
	defer errors.Close()
	d.register(gateway.Config)
	defer d.unregister()
	// From here on nothing passes that was not judged.
	d.retranslate()
	d.guard.narrowest = d.live.load().narrowest()
	report, err := d.lay(d.plan(gateway))
	if err != nil {
		return fmt.Errorf("netfilter rules: %w", err)
	}

	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)

	lost := &overflow{number: q.Number, read: queue.ReadKernelStats, record: func(r *audit.Record) { d.sink.Write(r) }}
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		return packets.Run(ctx, newJudge(&d.live, d.links, newRecorder(d.counters, d.sink), errors))
	})
	tasks.Go(func() error { return errors.Run(ctx) })
	tasks.Go(func() error { return d.follow(ctx, hangup) })
	tasks.Go(func() error {
		if err := lost.watch(ctx); err != nil {
			d.Log.Warn("what the kernel drops from a full queue is not counted", "error", err)
		}
		return nil
	})
	d.Log.Info("judging packets", "zones", gateway.Snapshot.Zones(), "rules", gateway.Snapshot.Policy().RuleCount(),
		"hosts", gateway.Snapshot.Entries(), "queue", q.Number, "backend", report.Backend.String(), "mode", gateway.Snapshot.Mode().String())
	if gateway.Config.Self.Label == "" {
		d.Log.Warn("this machine has no label of its own ([self] in the settings): nobody reaches it through the interfaces of its zones, by ssh neither")
	}
	d.ready(gateway)
	err = tasks.Wait()
	d.stopped(packets.Stats(), lost)
	return err
}

// follow keeps the state up to date until ctx ends.
func (d *daemon) follow(ctx context.Context, hangup <-chan os.Signal) error {
	ticker := time.NewTicker(guardInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			d.count() // what the rules dropped since the last look is on record as well
			return nil
		case <-hangup:
			d.reload()
		case <-d.links.Changed():
			d.relink()
		case <-ticker.C:
			d.watch()
		}
	}
}

// relink makes a state with the links of this moment. A new interface of a zone
// does not wait for its rules until the next look at them.
func (d *daemon) relink() {
	now := d.live.load()
	d.live.store(newState(now.gateway, d.links, d.counters, now.stamp))
	d.inspect(d.live.load().links)
	d.narrow()
	if d.moved() {
		d.watch()
	}
}

func (d *daemon) errorf(format string, args ...any) {
	d.Log.Error(fmt.Sprintf(format, args...))
}

func (d *daemon) warn(g *load.Gateway) {
	for _, w := range g.Warnings {
		d.Log.Warn(w.Message, "file", w.File, "line", w.Line, "hint", w.Hint)
	}
}

// plan is what netfilter has to know of a gateway.
func plan(g *load.Gateway) nft.Plan {
	p := nft.Plan{Queue: g.Config.Queue.Number}
	switch g.Config.Queue.Backend {
	case config.Native:
		p.Backend = nft.Native
	case config.Compat:
		p.Backend = nft.Compat
	}
	for i, z := range g.Config.Zones {
		p.Zones = append(p.Zones, nft.Zone{Index: uint8(i + 1), Name: z.Name, Interfaces: z.Interfaces, Ethertypes: z.Ethertypes})
	}
	return p
}

// interfaces lists the interfaces of each zone, zone 1 first.
func interfaces(c *config.Config) [][]string {
	names := make([][]string, len(c.Zones))
	for i, z := range c.Zones {
		names[i] = z.Interfaces
	}
	return names
}

func format(f config.Format) audit.Format {
	if f == config.JSON {
		return audit.JSON
	}
	return audit.Text
}

// output is where records go.
type output struct {
	io.Writer
	file *os.File
}

func (o output) close() {
	if o.file != nil {
		o.file.Close()
	}
}

func (d *daemon) open(name string) (output, error) {
	switch name {
	case config.Stderr:
		return output{Writer: d.Stderr}, nil
	case config.Stdout:
		return output{Writer: d.Stdout}, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return output{}, fmt.Errorf("audit records: %w", err)
	}
	return output{Writer: f, file: f}, nil
}
