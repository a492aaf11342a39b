package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// tie says what becomes of the daemons when the program that started them ends.
type tie uint8

const (
	attached tie = iota // they end with it, however it ends
	detached            // they go on
)

// DaemonError says that a node's labelgated does not do what it should.
type DaemonError struct {
	Node string
	Err  error
	Log  string // the end of what it wrote
}

// Error shows the end of the log as well: that is where the reason is.
func (e *DaemonError) Error() string {
	text := fmt.Sprintf("labelgated on %s: %v", e.Node, e.Err)
	if e.Log != "" {
		text += "\n  " + strings.ReplaceAll(strings.TrimSpace(e.Log), "\n", "\n  ")
	}
	return text
}

// Unwrap returns the cause.
func (e *DaemonError) Unwrap() error { return e.Err }

// Daemon is labelgated on one node.
type Daemon struct {
	node     *node
	cmd      *exec.Cmd
	identity process
	notify   *notifier
	exited   chan struct{}
	err      error // how it ended; valid after exited
}

// findLabelgated returns the daemon's path: the one given, the one beside this
// program, or the one in PATH.
func findLabelgated(given string) (string, error) {
	if given != "" {
		path, err := filepath.Abs(given)
		if err == nil {
			_, err = exec.LookPath(path)
		}
		return path, err
	}
	if exe, err := os.Executable(); err == nil {
		if path := filepath.Join(filepath.Dir(exe), "labelgated"); executable(path) {
			return path, nil
		}
	}
	path, err := exec.LookPath("labelgated")
	if err != nil {
		return "", fmt.Errorf("labelgated is neither beside this program nor in PATH; build it, or say where it is: %w", err)
	}
	return filepath.Abs(path)
}

func executable(path string) bool {
	_, err := exec.LookPath(path)
	return err == nil
}

// startDaemons starts all of them at once, and waits until each is ready.
func (l *Lab) startDaemons(ctx context.Context, tie tie) error {
	begun := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	started := 0
	for _, n := range l.nodes {
		if n.config == "" {
			continue
		}
		started++
		g.Go(func() error {
			_, err := l.startDaemon(ctx, n, tie)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	l.options.logf("%d labelgated ready after %v", started, time.Since(begun).Round(time.Millisecond))
	return nil
}

// StartDaemon starts labelgated on a node where none runs, and waits until it is
// ready.
func (l *Lab) StartDaemon(ctx context.Context, node string) (*Daemon, error) {
	n, err := l.node(node)
	if err != nil {
		return nil, err
	}
	if n.config == "" {
		return nil, fmt.Errorf("%s runs no labelgated", node)
	}
	if d := l.Daemon(node); d != nil {
		select {
		case <-d.exited:
		default:
			return nil, fmt.Errorf("%s runs labelgated already", node)
		}
	}
	return l.startDaemon(ctx, n, attached)
}

// Daemon returns the node's labelgated, which may have ended; nil where there
// was none.
func (l *Lab) Daemon(node string) *Daemon {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.nodes[node]; n != nil {
		return n.daemon
	}
	return nil
}

func (l *Lab) startDaemon(ctx context.Context, n *node, tie tie) (*Daemon, error) {
	notify, err := newNotifier(filepath.Join(l.dir, n.name+".notify"))
	if err != nil {
		return nil, &DaemonError{Node: n.name, Err: err}
	}
	d := &Daemon{node: n, notify: notify, exited: make(chan struct{})}
	d.cmd = exec.Command(l.options.Labelgated, append(owner(l.topology.Config), "--config", n.config)...)
	d.cmd.Env = append(environment(), "NOTIFY_SOCKET="+notify.path)
	d.cmd.Dir = "/"
	// Ctrl-C goes to a whole process group: they are in others, so that they
	// are ended in order.
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if tie == detached {
		d.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	}
	if err := d.start(); err != nil {
		notify.close()
		return nil, &DaemonError{Node: n.name, Err: err}
	}
	if err := l.register(d); err != nil {
		d.Stop()
		return nil, &DaemonError{Node: n.name, Err: err}
	}
	if err := d.await(ctx, l.options.patience()); err != nil {
		return nil, &DaemonError{Node: n.name, Err: err, Log: d.Tail(20)}
	}
	return d, nil
}

// owner has labelgated take the files of whoever the gateway's settings belong to: in a lab
// that root has started, they are those of the person behind it.
func owner(config string) []string {
	info, err := os.Stat(config)
	if err != nil {
		return nil // labelgated says so
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 {
		return nil
	}
	return []string{"--owner", strconv.FormatUint(uint64(stat.Uid), 10)}
}

// environment is this program's own, less what a service manager told it.
func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES":
		default:
			env = append(env, v)
		}
	}
	return env
}

// start starts the process inside its node. The thread that starts it waits for
// it as well: a process that is to end with its parent ends with the very thread
// that started it.
func (d *Daemon) start() error {
	log, err := os.OpenFile(d.node.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	d.cmd.Stdout, d.cmd.Stderr = log, log
	started := make(chan error, 2)
	go func() {
		started <- inside(d.node.ns, func() error {
			if err := d.cmd.Start(); err != nil {
				return err
			}
			// This can only fail for one that has ended already, which await
			// will tell, and the log why.
			d.identity, _ = identify(d.cmd.Process.Pid)
			d.identity.Node, d.identity.PID = d.node.name, d.cmd.Process.Pid
			started <- nil
			d.err = d.cmd.Wait()
			close(d.exited)
			return nil
		})
	}()
	return <-started
}

// register writes the process into the lab's state.
func (l *Lab) register(d *Daemon) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var others []process
	for _, p := range l.state.Daemons {
		if p.Node != d.node.name {
			others = append(others, p)
		}
	}
	d.node.daemon = d
	l.state.Daemons = append(others, d.identity)
	return l.state.write(l.dir)
}
