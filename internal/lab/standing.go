package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Up builds the lab of a topology file, the example lab when file is empty, and
// leaves it standing. What can be done with it is written to o.Log. When it
// fails, or when ctx ends meanwhile, nothing is left.
func Up(ctx context.Context, file string, o Options) error {
	t, remove, err := readOrExample(file, o)
	if err != nil {
		remove()
		return err
	}
	l, err := start(ctx, t, o, detached)
	if err != nil {
		remove()
		return err
	}
	if err := l.stand(); err != nil {
		err = errors.Join(err, l.Close())
		remove()
		return err
	}
	l.options.logf("lab %s is up; its logs and records are in %s\n\n%s", l.topology.Name, l.dir, l.hints())
	return nil
}

// stand lets go of the lab, so that it does not end with this program.
func (l *Lab) stand() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Owner = process{}
	if err := l.state.write(l.dir); err != nil {
		return err
	}
	l.closed = true
	l.release()
	return nil
}

// hints says what to try first.
func (l *Lab) hints() string {
	t := l.topology
	var b strings.Builder
	try := func(command, what string) { fmt.Fprintf(&b, "  %-64s # %s\n", command, what) }
	b.WriteString("try:\n")
	shown := map[Outcome]bool{}
	for _, e := range t.Expect {
		if e.Proto == ICMP && !shown[e.Outcome] {
			shown[e.Outcome] = true
			what := e.Outcome.String()
			if e.Reason != "" {
				what += ": " + e.Reason
			}
			try(fmt.Sprintf("labelgate lab run %s -- ping -c1 -W1 %s", e.From, t.Host(e.To).Address.Addr()), e.To+": "+what)
		}
	}
	first := t.Hosts[0]
	try(fmt.Sprintf("labelgate lab run %s -- sh", first.Name), "a shell on "+first.Name)
	try(fmt.Sprintf("labelgate lab run %s -- tcpdump -ni any 'ip[0] & 0xf > 5'", GatewayName), "packets with labels")
	try(fmt.Sprintf("labelgate lab down %s", t.Name), "removes everything")
	return b.String()
}

// Down removes a lab that Up left standing, or what is left of one whose program
// crashed. An empty name means the only one there is.
func Down(ctx context.Context, name string) error { return down(ctx, DefaultDirectory, name) }

func down(ctx context.Context, root, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := oneOf(root, name)
	if err != nil {
		return err
	}
	s, err := readState(root, name)
	if err != nil {
		return fmt.Errorf("lab %s: %w", name, err)
	}
	if s.Owner.PID != 0 && s.Owner.alive() {
		return fmt.Errorf("lab %s belongs to process %d (%s), which removes it when it ends", name, s.Owner.PID, s.Owner.Exe)
	}
	return demolish(filepath.Join(root, name), s)
}

// Labs lists the names of the labs that are up.
func Labs() ([]string, error) { return labNames(DefaultDirectory) }

// oneOf returns the name of an existing lab.
func oneOf(root, name string) (string, error) {
	names, err := labNames(root)
	if err != nil {
		return "", err
	}
	switch {
	case len(names) == 0:
		return "", errNoLab
	case name == "" && len(names) == 1:
		return names[0], nil
	case name == "":
		return "", fmt.Errorf("which lab? these are up: %s", strings.Join(names, ", "))
	}
	for _, n := range names {
		if n == name {
			return n, nil
		}
	}
	return "", fmt.Errorf("no lab %q is up, but %s: %w", name, strings.Join(names, ", "), fs.ErrNotExist)
}

// Run becomes a program inside a node of a standing lab, as exec(3) does: it only
// returns when that fails. An empty lab means the only one there is.
func Run(ctx context.Context, lab, node string, argv []string) error {
	if len(argv) == 0 {
		argv = []string{"sh"}
	}
	lab, err := oneOf(DefaultDirectory, lab)
	if err != nil {
		return err
	}
	s, err := readState(DefaultDirectory, lab)
	if err != nil {
		return err
	}
	ns, err := openNamespace(namespaceName(lab, node))
	if err != nil {
		return fmt.Errorf("lab %s has no node %q, but %s", lab, node, strings.Join(s.Nodes, ", "))
	}
	defer ns.Close()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// The namespace is the thread's; exec makes the thread the process.
	runtime.LockOSThread()
	if err := netns.Set(ns); err != nil {
		return fmt.Errorf("enter %s of lab %s: %w", node, lab, err)
	}
	return &os.PathError{Op: "exec", Path: path, Err: unix.Exec(path, argv, os.Environ())}
}

// errNoLab says that there is nothing to work on.
var errNoLab = errors.New("no lab is up")
