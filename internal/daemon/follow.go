package daemon

import (
	"context"
	"fmt"
	"os"
	"time"
)

// follow keeps the gateway up to date until ctx ends. Everything that changes it is
// done here, one thing at a time.
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

func (d *daemon) errorf(format string, args ...any) {
	d.Log.Error(fmt.Sprintf(format, args...))
}
