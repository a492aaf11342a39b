package daemon

import (
	"context"

	"labelgate/internal/audit"
	"labelgate/internal/config"
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
func (d *daemon) judgeHere() error {
	b := &local{}
	c := judge.Config{Links: d.watcher, Records: d.pipe(), Limits: limits(d.config)}
	if d.raw != nil { // else the gateway is about to end
		sender, err := icmp.New(icmp.Config{Errorf: d.errorf}, d.raw)
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

// pipe is a way for the records of a judge in this process.
func (d *daemon) pipe() *audit.Pipe {
	return audit.NewPipe(int(d.auditing.producer.Fd()), audit.PipeOptions{Full: full(d.config)})
}

// full is what becomes of packets when their records are not taken.
func full(c *config.Config) string {
	if c.Audit.Full == config.Degrade {
		return audit.FullDegrade
	}
	return audit.FullHalt
}

// limits are those of records of one kind.
func limits(c *config.Config) audit.LimiterOptions {
	return audit.LimiterOptions{PerSecond: c.Audit.Limit, Burst: c.Audit.Burst}
}
