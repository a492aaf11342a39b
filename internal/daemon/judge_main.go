package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

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
	if len(args) != 1 {
		return errors.New("the path of the settings is missing")
	}
	f := inherited("channel", "records", "icmp", "judge", "packets", "verdicts")
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
	pipe, err := newPipe(recordsEnd)
	if err != nil {
		return err
	}
	service := judge.New(judge.Config{
		Path: args[0], Links: watcher, Errors: sender, Records: pipe,
		Buffers: back.Buffers, Held: back.Counter(split.AuditFull),
	})

	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	verbs := judgeVerbs(service)
	verbs[verbConfine] = channel.Bind(func(read []string) (sandbox.State, error) {
		return confine(sandbox.Profile{Role: sandbox.Judge, Read: read})
	})
	done := make(chan error, 4)
	go func() { done <- channel.Serve(end, verbs) }()
	go func() { done <- back.Serve(ctx, service.Handler()) }()
	go func() { done <- sender.Run(ctx) }()
	go followLinks(ctx, service)
	select {
	case err := <-watcher.Failed():
		return err // the keeper starts another, which opens its sockets anew
	case err := <-done:
		return err
	}
}
