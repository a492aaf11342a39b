package daemon

import (
	"context"
	"os"

	"labelgate/internal/icmp"
	"labelgate/internal/judge"
)

// local is a judge in this process.
type local struct {
	*judge.Service
	end context.CancelFunc
}

var _ bench = (*local)(nil)

// judgeHere has this process judge.
func (d *daemon) judgeHere(raw *os.File) error {
	b := &local{}
	c := judge.Config{Path: d.Config, Links: d.watcher, Records: newPipe(d.judges.log, nil)}
	if raw != nil { // else the gateway is about to end
		sender, err := icmp.New(icmp.Config{Errorf: d.errorf}, raw)
		if err != nil {
			return err
		}
		var ctx context.Context
		ctx, b.end = context.WithCancel(context.Background())
		go sender.Run(ctx)
		c.Errors = sender
	}
	b.Service = judge.New(c)
	d.bench = b
	return nil
}

func (l *local) Close() {
	if l.end != nil {
		l.end()
	}
}
