//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"labelgate/internal/lab"
	"labelgate/test/interop/orders"
	"labelgate/test/interop/talk"
)

// guest is a User-Mode Linux kernel that is up.
type guest struct {
	*machine
	dir     string
	process *os.Process
	exited  chan struct{}

	speaking sync.Mutex
	in       *os.File // orders

	mu      sync.Mutex
	last    int
	waiting map[int]chan orders.Event
	ready   chan string
	heard   []talk.Heard
	kernel  []string // its own audit records
	faults  []string // what went wrong that nobody asked about
}

// How long a guest may take.
const (
	bootPatience  = 60 * time.Second // a second where nothing else runs
	orderPatience = 20 * time.Second // an order, beyond what it asks for itself
	endPatience   = 5 * time.Second
)

// boot starts a guest at a tap in the gateway's namespace. It ends with the test.
func boot(t *testing.T, l *lab.Lab, m *machine, dir string) *guest {
	t.Helper()
	g := &guest{machine: m, dir: dir, exited: make(chan struct{}), waiting: map[int]chan orders.Event{}, ready: make(chan string, 1)}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := g.start(l)
	if err != nil {
		t.Fatalf("guest %s: %v", m.name, err)
	}
	t.Cleanup(func() {
		if err := g.end(); err != nil {
			t.Errorf("guest %s: %v", m.name, err)
		}
	})
	go g.listen(out)
	select {
	case version := <-g.ready:
		t.Logf("guest %s: Linux %s with Smack, DOI %d", m.name, version, m.doi)
	case <-g.exited:
		t.Fatalf("guest %s ended instead of booting; its console:\n%s", m.name, g.console())
	case <-time.After(bootPatience):
		t.Fatalf("guest %s has not booted after %v; its console:\n%s", m.name, bootPatience, g.console())
	}
	return g
}

func (g *guest) start(l *lab.Lab) (out *os.File, err error) {
	console, err := os.Create(g.consolePath())
	if err != nil {
		return nil, err
	}
	defer console.Close()
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, err
	}
	defer theirOut.Close()
	cmd := exec.Command(built.kernel,
		"mem=128M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro",
		"lsm=smack", "audit_backlog_limit=0", "loglevel=5",
		"con=null", "con0=fd:0,fd:1", "con1=fd:3,fd:4", "uml_dir="+g.dir,
		"vec0:transport=tap,ifname="+g.cable, "init="+filepath.Join(built.programs, "guest"))
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = console, console, []*os.File{theirIn, theirOut}
	// The kernel is several processes, some of which hold the guest's own
	// programs. In a PID namespace they all end with the first, and that one with
	// the thread that starts it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWPID}
	started := make(chan error, 2)
	go func() {
		started <- l.Do(lab.GatewayName, func() error {
			if err := cmd.Start(); err != nil {
				return err
			}
			started <- nil
			cmd.Wait()
			close(g.exited)
			return nil
		})
	}()
	if err := <-started; err != nil {
		in.Close()
		out.Close()
		return nil, err
	}
	g.process, g.in = cmd.Process, in
	return out, nil
}

// end switches the guest off, by force if it does not hear.
func (g *guest) end() error {
	defer g.in.Close()
	g.send(orders.Order{Do: orders.PowerOff})
	select {
	case <-g.exited:
		return nil
	case <-time.After(endPatience):
	}
	// Not waited for yet, so its number is still its own.
	syscall.Kill(-g.process.Pid, syscall.SIGKILL)
	select {
	case <-g.exited:
		return nil
	case <-time.After(endPatience):
		return fmt.Errorf("process %d does not end", g.process.Pid)
	}
}

func (g *guest) consolePath() string { return filepath.Join(g.dir, "console") }

// console returns the end of what the guest's kernel wrote.
func (g *guest) console() string {
	text, err := os.ReadFile(g.consolePath())
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-40):], []byte("\n")))
}

func (g *guest) send(o orders.Order) error {
	line, err := json.Marshal(o)
	if err != nil {
		return err
	}
	g.speaking.Lock()
	defer g.speaking.Unlock()
	g.in.SetWriteDeadline(time.Now().Add(endPatience))
	_, err = g.in.Write(append(line, '\n'))
	return err
}

// order tells the guest to do something and waits for the answer.
func (g *guest) order(o orders.Order, patience time.Duration) (orders.Event, error) {
	answer := make(chan orders.Event, 1)
	g.mu.Lock()
	g.last++
	o.ID = g.last
	g.waiting[o.ID] = answer
	g.mu.Unlock()
	if err := g.send(o); err != nil {
		return orders.Event{}, fmt.Errorf("guest %s: %w", g.name, err)
	}
	var err error
	select {
	case e := <-answer:
		if e.Err != "" {
			return e, fmt.Errorf("guest %s: %s: %s", g.name, o.Do, e.Err)
		}
		return e, nil
	case <-g.exited:
		err = errors.New("it has ended")
	case <-time.After(patience):
		err = fmt.Errorf("no answer after %v", patience)
	}
	return orders.Event{}, fmt.Errorf("guest %s: %s: %w; its console:\n%s", g.name, o.Do, err, g.console())
}

// listen takes what the guest says, until it ends.
func (g *guest) listen(from *os.File) {
	defer from.Close()
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e orders.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			e = orders.Event{Err: fmt.Sprintf("%v in %q", err, lines.Text())}
		}
		g.take(e)
	}
}

func (g *guest) take(e orders.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case e.ID != 0:
		if c := g.waiting[e.ID]; c != nil {
			delete(g.waiting, e.ID)
			c <- e
		}
	case e.Ready != "":
		g.ready <- e.Ready
	case e.Heard != nil:
		g.heard = append(g.heard, *e.Heard)
	case e.Kernel != "":
		g.kernel = append(g.kernel, e.Kernel)
	default:
		g.faults = append(g.faults, strings.TrimSpace(e.Err))
	}
}
