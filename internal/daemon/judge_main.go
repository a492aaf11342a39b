package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	"labelgate/internal/audit"
	"labelgate/internal/channel"
	"labelgate/internal/icmp"
	"labelgate/internal/judge"
	"labelgate/internal/links"
	"labelgate/internal/sandbox"
	"labelgate/internal/split"
)

// runJudge is the process that judges. Everything that it needs of the system it has
// before it gives up what it may do; policies come later, and are only read.
func runJudge(log *slog.Logger, args []string) error {
	var a judgeArguments
	if len(args) != 1 {
		return errors.New("its one argument is missing")
	}
	if err := json.Unmarshal([]byte(args[0]), &a); err != nil {
		return fmt.Errorf("argument: %w", err)
	}
	f := inherited("channel", "records", "icmp", "judge", "packets", "verdicts", "tables")
	end, recordsEnd, raw := f[0], f[1], f[2]
	errorf := func(format string, args ...any) { log.Error(fmt.Sprintf(format, args...)) }

	watcher, err := links.Watch(links.Config{Errorf: errorf})
	if err != nil {
		return err
	}
	sender, err := icmp.New(icmp.Config{Errorf: errorf}, raw)
	if err != nil {
		return err
	}
	back, err := split.Open(f[3], f[4], f[5])
	if err != nil {
		return err
	}
	back.Errorf = errorf
	pipe := audit.NewPipe(int(recordsEnd.Fd()), audit.PipeOptions{Full: a.Full, Outstanding: back.Counter(split.Outstanding)})
	service := judge.New(judge.Config{
		Links: watcher, Errors: sender, Buffers: back.Buffers,
		Records: pipe, Limits: audit.LimiterOptions{PerSecond: a.PerSecond, Burst: a.Burst},
	})

	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	verbs := judgeVerbs(service)
	verbs[verbConfine] = channel.Bind(func(struct{}) (sandbox.State, error) {
		return sandbox.Apply(sandbox.Profile{Role: sandbox.Judge})
	})
	done := make(chan error, 4)
	tables, err := channel.NewServer(f[6], 0, tableVerbs(service)) // before it is confined
	if err != nil {
		return err
	}
	go tables.Serve() // its end is no reason to stop judging
	go func() { done <- channel.ServeBlobs(end, channel.MaxBlob, verbs) }()
	handler := service.Handler()
	served := make(chan struct{})
	go func() {
		err := back.Serve(ctx, handler)
		handler.End()
		close(served)
		done <- err
	}()
	go func() { done <- sender.Run(ctx) }()
	go followLinks(ctx, service)
	defer runtime.KeepAlive(recordsEnd) // the pipe knows only its number
	select {
	case err = <-watcher.Failed():
		// the keeper starts another, which opens its sockets anew
	case err = <-done:
	}
	// Whatever ended it, and whoever hung up first: what was suppressed is summed up.
	cancel(nil)
	<-served
	return err
}

// judgeArguments are what a judge is told when it is started.
type judgeArguments struct {
	Full             string // what becomes of packets without records
	PerSecond, Burst uint32 // of records of one kind
}

func (d *daemon) judgeArguments() string {
	l := limits(d.config)
	b, err := json.Marshal(judgeArguments{full(d.config), l.PerSecond, l.Burst})
	if err != nil {
		panic(err) // strings and numbers
	}
	return string(b)
}

// A judge's buffers must hold what it may make of a packet.
const _ = uint(split.BufferLen - judge.BufferLen)
