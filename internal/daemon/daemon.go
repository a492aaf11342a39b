// Package daemon is labelgated: the process that owns the kernel's queue and the
// netfilter rules, and that starts and watches the others. It reads settings, never
// a packet; what decides about those is package judge, in a process that holds no
// power over the machine.
package daemon

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/config"
	"labelgate/internal/control"
	"labelgate/internal/judge"
	"labelgate/internal/kerneldoi"
	"labelgate/internal/links"
	"labelgate/internal/load"
	"labelgate/internal/nft"
	"labelgate/internal/process"
	"labelgate/internal/queue"
	"labelgate/internal/sandbox"
)

// Options are what the command line says.
type Options struct {
	Config string // path of the settings file
	// Owners are users whose files are taken, besides root's and those of the user that
	// starts the program.
	Owners []uint32
	Log    *slog.Logger
	Stdout io.Writer
	Stderr io.Writer
	// Confine has the process give up what it does not need, for good. It is executed
	// again for that.
	Confine bool
}

// SettingsError says that the settings or the policy are at fault, not the
// machine.
type SettingsError struct{ Err error }

func (e *SettingsError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong with them: a policyfile.Problems, or why they
// cannot be read.
func (e *SettingsError) Unwrap() error { return e.Err }

// daemon is the gateway as this process knows it. One goroutine changes it: that of
// follow, once the gateway runs.
type daemon struct {
	Options
	inForce
	started  time.Time // the gateway
	since    time.Time // this program
	signals  signals
	handover handover
	program  string // its path when this process was started
	sandbox  sandbox.State

	upgrading atomic.Bool
	adopted   bool // the queue, from one who died
	served    bool // packets were judged

	packets  *queue.Queue
	lock     *queue.Queue
	raw      *os.File // the socket that ICMP errors leave by; judges have no right to open one
	bench    bench
	judges   judges
	auditing auditing

	controlling controlling
	records     records
	watcher     judge.Links
	links       linkWatcher
	table       *links.Table // as it was when last looked at
	install     func(nft.Plan) (nft.Report, error)
	guard       guard
	verdicts    verdicts
	overflow    *overflow
	watchdog    watchdog
	tally       tally
	backend     string           // of the netfilter rules
	attempt     *control.Attempt // the last reload
	pending     []string         // settings that changed and need a restart
	loaded      time.Time        // when what is in force was
	domains     domains
	requests    chan func() // to be done by follow
	found       chan func() // the same, by who does not wait for that
	asking      asking
	expiry      expiry
	notices     <-chan struct{} // somebody changed rules of netfilter
}

// inForce is what packets are judged by, as far as this process knows it.
type inForce struct {
	config  *config.Config
	bundle  *load.Bundle // what it was read from
	summary judge.Summary
	stamp   uint32
}

// records takes the records of this process.
type records interface{ Write(*audit.Record) bool }

// Run runs the gateway until ctx ends. The netfilter table stays: a gateway that
// is gone lets nothing through.
func Run(ctx context.Context, o Options) error {
	handover, handed, err := takeHandover()
	if err != nil {
		return err
	}
	if !handed {
		if err := process.Disinherit(); err != nil {
			return err
		}
	}
	bundle, cfg, err := collect(o.Config, handover.Seal, o.Owners)
	if err != nil {
		return &SettingsError{err}
	}
	d := &daemon{Options: o, handover: handover, started: handover.Started, inForce: inForce{config: cfg, bundle: bundle}, install: nft.Install, guard: guard{
		check:    new(nft.CheckWatch).Check,
		narrow:   nft.Narrow,
		shut:     func() error { return nft.CloseForwarding(nft.DefaultTable, 0) },
		counters: func() (nft.Counters, error) { return nft.ReadCounters(nft.DefaultTable, 0) },
		ruleset:  ruleset{translates: new(nft.TranslationWatch).Translates},
		bypasses: bypasses{find: new(nft.BypassWatch).Bypasses},
	}, domains: domains{registrar: new(kerneldoi.Registration)}}
	d.signals.listen()
	defer d.signals.stop()
	if d.started.IsZero() {
		d.started = time.Now()
	}
	d.since = time.Now()
	d.watchdog = newWatchdog()
	d.tally.before = judge.NewCounters()
	d.resume()
	d.requests, d.found = make(chan func()), make(chan func(), 16)
	if err := d.listen(); err != nil {
		return err
	}
	if err := d.confine(handed); err != nil {
		return err
	}
	return d.run(ctx)
}
