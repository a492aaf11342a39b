package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// await returns when the daemon has said that it is ready.
func (d *Daemon) await(ctx context.Context, patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-d.notify.ready:
		return nil
	case <-d.exited:
		if d.err == nil {
			return errors.New("ended before it was ready")
		}
		return fmt.Errorf("ended before it was ready: %w", d.err)
	case <-timer.C:
		return fmt.Errorf("not ready after %v", patience)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// PID returns the number of its process.
func (d *Daemon) PID() int { return d.identity.PID }

// Exited is closed when the process has ended.
func (d *Daemon) Exited() <-chan struct{} { return d.exited }

// Signal sends it a signal.
func (d *Daemon) Signal(sig os.Signal) error { return d.cmd.Process.Signal(sig) }

// stopPatience is how long a daemon may take to end in order.
const stopPatience = 2 * time.Second

// Stop ends it in order, and by force if that takes too long. One that has ended
// already is no error.
func (d *Daemon) Stop() error {
	defer d.notify.close()
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := d.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return &DaemonError{Node: d.node.name, Err: err}
		}
		select {
		case <-d.exited:
			return nil
		case <-time.After(stopPatience):
		}
	}
	return &DaemonError{Node: d.node.name, Err: fmt.Errorf("process %d does not end", d.PID())}
}

// Reload makes it read its files again and returns when it has. Whether it took
// them over is in its log and in its status, which is returned.
func (d *Daemon) Reload(ctx context.Context) (status string, err error) {
	select {
	case <-d.notify.ready: // of an earlier reload
	default:
	}
	if err := d.Signal(syscall.SIGHUP); err != nil {
		return "", &DaemonError{Node: d.node.name, Err: err}
	}
	if err := d.await(ctx, 10*time.Second); err != nil {
		return "", &DaemonError{Node: d.node.name, Err: err, Log: d.Tail(20)}
	}
	return d.notify.lastStatus(), nil
}

// LogFile returns the path of what it wrote to its standard output and error.
func (d *Daemon) LogFile() string { return d.node.log }

// Tail returns the last lines of its log.
func (d *Daemon) Tail(lines int) string {
	data, err := os.ReadFile(d.node.log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
