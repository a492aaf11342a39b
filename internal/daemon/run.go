package daemon

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"labelgate/internal/audit"
	"labelgate/internal/judge"
	"labelgate/internal/links"
	"labelgate/internal/queue"
)

func (d *daemon) run(ctx context.Context) error {
	out, err := d.open(d.config.Audit.Output)
	if err != nil {
		return err
	}
	defer out.close()
	sink := audit.NewSink(out, audit.Options{Format: format(d.config.Audit.Format), OnError: func(err error) {
		d.Log.Error("audit record not written", "error", err)
	}})
	d.records = sink
	defer d.closeSink(sink) // for an end before packets were judged
	q := d.config.Queue
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
	watcher, err := links.Watch(links.Config{Zones: judge.Interfaces(d.config), Errorf: d.errorf})
	if err != nil {
		return err
	}
	defer watcher.Close()
	d.links = watcher
	table, _ := watcher.Numbered()
	if err := refuseMasters(d.config, table); err != nil {
		return err
	}
	d.look()
	_ = packets
	_ = fmt.Sprint
	_ = os.Args
	_ = signal.Notify
	_ = syscall.SIGHUP
	_ = time.Now
	_ = errgroup.Group{}
	return nil
}
