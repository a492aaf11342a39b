package gate

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Settings is the name of the gateway's settings file in a site's directory.
const Settings = "labelgate.toml"

// Manager starts labelgated on a site's gateway as a service manager does, hears
// what it says of itself (sd_notify(3)) and keeps the descriptors that it gives
// away (FDSTORE=1) for the next one.
type Manager struct {
	site *Site
	log  string
	conn *net.UnixConn
	path string

	// Program is the path of labelgated. It may be changed between two starts.
	Program string
	// Watchdog is what labelgated is told of how often it has to report; 0 for
	// not at all. Set before Start.
	Watchdog time.Duration
	// Disk is one that labelgated sees, nil for none. Set before Start.
	Disk *Disk
	// Environment is added to that of labelgated. Set before Start.
	Environment []string

	mu      sync.Mutex
	service *Service
	heard   []Word
	counts  map[string]int // of what was heard, by line
	changed chan struct{}  // closed when something was heard
	store   []Stored
}

// Word is one line of what labelgated said.
type Word struct {
	At   time.Time
	Text string // such as "READY=1"
}

// Stored is a descriptor that was given away.
type Stored struct {
	Name string
	File *os.File
}

// NewManager prepares to start a program. It ends with the test, and with it what
// it has started.
func NewManager(t testing.TB, s *Site, program string) *Manager {
	t.Helper()
	m := &Manager{site: s, Program: program, log: filepath.Join(s.Directory, "log"), path: filepath.Join(s.Directory, "n"), counts: make(map[string]int), changed: make(chan struct{})}
	var err error
	if m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	m.conn.SetReadBuffer(1 << 20)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		m.listen()
	}()
	t.Cleanup(func() {
		if v := m.Service(); v != nil {
			v.end()
			if t.Failed() {
				t.Logf("the end of the gateway's log:\n%s", m.Tail(12))
			}
		}
		m.conn.Close()
		<-heard
		m.Forget("")
	})
	return m
}

// Start starts labelgated and returns at once. Descriptors in the store go with it.
func (m *Manager) Start(t testing.TB) *Service {
	t.Helper()
	log, err := os.OpenFile(m.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	// Only the process itself knows its number before it begins.
	const script = `[ -z "$LISTEN_FDS" ] || export LISTEN_PID=$$; [ -z "$WATCHDOG_USEC" ] || export WATCHDOG_PID=$$; exec "$0" "$@"`
	v := &Service{manager: m, exited: make(chan struct{}), begun: time.Now()}
	line := []string{"/bin/sh", "-c", script, m.Program, "--config", filepath.Join(m.site.Directory, Settings)}
	if m.Disk != nil {
		line = append([]string{"nsenter"}, m.Disk.enter(line...)...)
	}
	v.cmd = exec.Command(line[0], line[1:]...)
	v.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.path)
	v.cmd.Env = append(v.cmd.Env, m.Environment...)
	if m.Watchdog > 0 {
		v.cmd.Env = append(v.cmd.Env, fmt.Sprintf("WATCHDOG_USEC=%d", m.Watchdog.Microseconds()))
	}
	m.mu.Lock()
	var names []string
	for _, s := range m.store {
		names = append(names, s.Name)
		v.cmd.ExtraFiles = append(v.cmd.ExtraFiles, s.File)
	}
	m.mu.Unlock()
	if len(names) > 0 {
		v.cmd.Env = append(v.cmd.Env, fmt.Sprintf("LISTEN_FDS=%d", len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	}
	v.cmd.Stdout, v.cmd.Stderr, v.cmd.Dir = log, log, "/"
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := v.start(); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	m.service = v
	m.mu.Unlock()
	return v
}

// Service returns what was started last, nil for nothing.
func (m *Manager) Service() *Service {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.service
}

func (m *Manager) listen() {
	buffer, control := make([]byte, 4096), make([]byte, 512)
	for {
		n, controlLen, _, _, err := m.conn.ReadMsgUnix(buffer, control)
		if err != nil {
			return // closed
		}
		m.hear(string(buffer[:n]), descriptors(control[:controlLen]))
	}
}

// descriptors returns what came along with a message.
func descriptors(control []byte) (files []*os.File) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "stored"))
		}
	}
	return files
}

func (m *Manager) hear(message string, files []*os.File) {
	now := time.Now()
	name, keep, remove := "stored", false, false
	m.mu.Lock()
	for line := range strings.Lines(message) {
		line = strings.TrimSuffix(line, "\n")
		m.heard = append(m.heard, Word{now, line})
		m.counts[line]++
		if v, ok := strings.CutPrefix(line, "FDNAME="); ok {
			name = v
		}
		keep = keep || line == "FDSTORE=1"
		remove = remove || line == "FDSTOREREMOVE=1"
	}
	if keep {
		files = m.keep(name, files)
	}
	close(m.changed)
	m.changed = make(chan struct{})
	m.mu.Unlock()
	for _, f := range files {
		f.Close()
	}
	if remove {
		m.Forget(name)
	}
}

// keep puts descriptors into the store, and returns those that are there already.
// The caller holds m.mu.
func (m *Manager) keep(name string, files []*os.File) (again []*os.File) {
	for _, f := range files {
		info, err := f.Stat()
		if slices.ContainsFunc(m.store, func(s Stored) bool {
			other, err2 := s.File.Stat()
			return err == nil && err2 == nil && os.SameFile(info, other)
		}) {
			again = append(again, f)
			continue
		}
		m.store = append(m.store, Stored{name, f})
	}
	return again
}

// Forget closes the stored descriptors of a name, all for "".
func (m *Manager) Forget(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var kept []Stored
	for _, s := range m.store {
		if name == "" || s.Name == name {
			s.File.Close()
		} else {
			kept = append(kept, s)
		}
	}
	m.store = kept
}

// Stored returns the names of the stored descriptors.
func (m *Manager) Stored() (names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.store {
		names = append(names, s.Name)
	}
	return names
}

// Count returns how often a line was heard so far.
func (m *Manager) Count(line string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts[line]
}

// Words returns all that was heard, the oldest first.
func (m *Manager) Words() []Word {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.heard[:len(m.heard):len(m.heard)]
}

// Await returns true when a line has been heard more than n times, false when that
// takes longer than patience.
func (m *Manager) Await(line string, n int, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		m.mu.Lock()
		changed := m.changed
		m.mu.Unlock()
		if m.Count(line) > n {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		}
	}
}

// Tail returns the last lines of what labelgated wrote.
func (m *Manager) Tail(lines int) string {
	data, err := os.ReadFile(m.log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
