package supply

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// machine is a small one that is running. Its network is empty, and its settings of
// the kernel cannot be changed.
type machine struct {
	t      *testing.T
	dir    string // its root, but for what is mounted there
	cgroup string
	init   *exec.Cmd
}

// patience is how long anything may take on a machine that has much else to do.
const patience = time.Minute

// newMachine installs labelgate, with a program in the place of labelgated, the way
// docs/operations.md says.
func newMachine(t *testing.T, program string) *machine {
	t.Helper()
	needSystemd(t)
	m := &machine{t: t, dir: t.TempDir(), cgroup: newCgroup(t)}
	for _, d := range []string{"etc/systemd/system", "usr/sbin", "usr/lib/systemd/catalog", "var/lib", "var/log", "root", "home"} {
		m.must(os.MkdirAll(filepath.Join(m.dir, d), 0o755))
	}
	m.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0o644)
	m.write("etc/group", "root:x:0:\n", 0o644)
	m.write("etc/nsswitch.conf", "passwd: files\ngroup: files\n", 0o644)
	m.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n", 0o444)
	m.write("etc/os-release", "ID=lab\n", 0o644)
	m.units()
	run(t, root, "make", "-s", "install-files", "DESTDIR="+m.dir)
	content, err := os.ReadFile(program)
	m.must(err)
	m.write("usr/sbin/labelgated", string(content), 0o755)
	run(t, "", "systemd-sysusers", "--root="+m.dir)
	run(t, "", "systemd-tmpfiles", "--create", "--root="+m.dir, "labelgate.conf")
	return m
}

// units gives the machine what stands between systemd and a service, and a journal.
func (m *machine) units() {
	const at = "usr/lib/systemd/system"
	for _, name := range strings.Fields(`basic.target sysinit.target sockets.target paths.target timers.target slices.target shutdown.target
		umount.target final.target local-fs.target local-fs-pre.target network-pre.target network.target multi-user.target
		systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket`) {
		text, err := os.ReadFile(filepath.Join("/lib/systemd/system", name))
		m.must(err)
		m.write(filepath.Join(at, name), string(text), 0o644)
	}
	for target, unit := range map[string]string{
		"sockets.target": "systemd-journald.socket", "sysinit.target": "systemd-journald.service",
	} {
		wants := filepath.Join(m.dir, at, target+".wants")
		m.must(os.MkdirAll(wants, 0o755))
		m.must(os.Symlink("../"+unit, filepath.Join(wants, unit)))
	}
}

// start boots the machine and waits until it is up.
func (m *machine) start() {
	m.t.Helper()
	group, err := os.Open(m.cgroup)
	m.must(err)
	defer group.Close()
	var said bytes.Buffer
	m.init = exec.Command("/proc/self/exe")
	m.init.Args = []string{bootName, m.dir}
	m.init.Stdout, m.init.Stderr = &said, &said
	m.init.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		UseCgroupFD: true, CgroupFD: int(group.Fd()), Pdeathsig: syscall.SIGKILL,
	}
	m.must(m.init.Start())
	m.t.Cleanup(m.stop)
	m.until("the machine is up", func() bool {
		if m.init.Process.Signal(syscall.Signal(0)) != nil {
			m.t.Fatalf("it does not boot: %s", said.String())
		}
		state, _ := m.try("systemctl", "is-active", "multi-user.target")
		return state == "active"
	})
}

func (m *machine) stop() {
	if m.t.Failed() {
		all, _ := m.try("journalctl", "--no-pager", "-o", "short-precise")
		m.t.Logf("journal of the machine:\n%s", all)
	}
	_ = m.init.Process.Kill()
	_ = m.init.Wait()
	removeCgroup(m.cgroup)
}

// as is the machine for a part of a test.
func (m *machine) as(t *testing.T) *machine {
	part := *m
	part.t = t
	return &part
}

// inside is a command that runs in the machine.
func (m *machine) inside(command ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", strconv.Itoa(m.init.Process.Pid), "-m", "-p", "-n", "-i", "-u", "-C", "--"}, command...)...)
}

func (m *machine) try(command ...string) (string, error) {
	out, err := m.inside(command...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (m *machine) run(command ...string) string {
	m.t.Helper()
	out, err := m.try(command...)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return out
}

// property of a unit, as systemctl show prints it.
func (m *machine) property(unit, name string) string {
	m.t.Helper()
	return m.run("systemctl", "show", "-p", name, "--value", unit)
}

// number is a property that is one.
func (m *machine) number(unit, name string) int {
	m.t.Helper()
	n, err := strconv.Atoi(m.property(unit, name))
	m.must(err)
	return n
}

// read returns what a file of the machine holds, "" if there is none.
func (m *machine) read(file string) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/root%s", m.init.Process.Pid, file))
	if err != nil {
		return ""
	}
	return string(text)
}

// write makes a file before the machine is started.
func (m *machine) write(name, text string, mode os.FileMode) {
	m.t.Helper()
	file := filepath.Join(m.dir, name)
	m.must(os.MkdirAll(filepath.Dir(file), 0o755))
	m.must(os.WriteFile(file, []byte(text), mode))
}

func (m *machine) until(what string, holds func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			m.t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}
