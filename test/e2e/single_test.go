package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/lab"

	"golang.org/x/sys/unix"
)

// TestFamilies: what a gateway does is the same whether it judges packets in a process
// of their own or in the keeper's, and so is what its processes have of it.
func TestFamilies(t *testing.T) {
	needLab(t)
	for _, confinement := range []string{"strict", "single"} {
		t.Run(confinement, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "run"), 0o750); err != nil {
				t.Fatal(err)
			}
			config := strings.Replace(lifecycleConfig, "\nlogging = 3\n", "\nlogging = 3\nconfinement = \""+confinement+"\"\n", 1) +
				"\n[control]\nsocket = \"" + filepath.Join(dir, "run", "control") + "\"\n"
			write(t, dir, map[string]string{"labelgate.toml": config, rulesFile: lifecycleRules, "policy/netlabel.d/site": lifecycleHosts})
			f := &family{single: confinement == "single", lifecycle: &lifecycle{dir: dir, bench: newBench(t, "f"+confinement[:2], filepath.Join(dir, "labelgate.toml"), []lab.Host{
				host("alice", "10.1.0.2/28", "red", "Foo", 3),
				host("mallory", "10.1.0.18/28", "red", "", 0),
				host("pop", "10.4.0.2/28", "gray", "", 0),
				host("sec", "10.4.0.18/28", "gray", "", 0),
			})}}
			t.Run("descriptors", f.descriptors)
			t.Run("gateway with a label", f.gatewayWithLabel)
			t.Run("children killed", f.childrenKilled)
			t.Run("upgrades", f.upgrades)
			t.Run("reload", f.reload)
			t.Run("reload under a stream", f.reloadUnderStream) // leaves other settings for who starts anew
			t.Run("suppressed", f.suppressed)
			t.Run("stopped in an upgrade", f.stopped)
		})
	}
}

type family struct {
	*lifecycle
	single bool
}

// children returns the processes of the gateway by role, and those that have ended and
// that nobody asked about.
func (f *family) children(t *testing.T) (roles map[string]int, zombies int) {
	t.Helper()
	roles = make(map[string]int)
	keeper := f.Daemon(lab.GatewayName).PID()
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", keeper))
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", keeper, task.Name()))
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(text)) {
			pid, _ := strconv.Atoi(field)
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if err != nil {
				continue
			}
			if strings.Contains(string(status), "\nState:\tZ") {
				zombies++
				continue
			}
			command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if words := strings.Split(string(command), "\x00"); len(words) > 1 {
				roles[words[1]] = pid
			}
		}
	}
	return roles, zombies
}

// complete reports whether all are there.
func (f *family) complete(t *testing.T) bool {
	roles, zombies := f.children(t)
	want := 3
	if f.single {
		want = 2
	}
	return len(roles) == want && zombies == 0
}

// descriptors: nobody has what is another's. Sockets are told apart by their kind.
func (f *family) descriptors(t *testing.T) {
	netfilter := netfilterSockets(t, f.Daemon(lab.GatewayName).PID())
	roles, _ := f.children(t)
	for role, pid := range roles {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, e := range entries {
			to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, e.Name()))
			if err != nil {
				continue
			}
			all = append(all, e.Name()+"="+to)
			switch {
			case to == "/dev/null", strings.HasPrefix(to, "anon_inode:"), strings.HasPrefix(to, "/memfd:"), strings.HasPrefix(to, "/sys/fs/cgroup/"):
			case to == fmt.Sprintf("/proc/%d", pid): // itself
			case role == "judge" && to == "/proc/sys/net/ipv4/ip_forward_use_pmtu":
			case to == f.Daemon(lab.GatewayName).LogFile(), e.Name() == "1", e.Name() == "2":
			case role == "auditor" && strings.HasPrefix(to, f.dir):
			case strings.HasPrefix(to, "socket:["):
				if slices.Contains(netfilter, to) {
					t.Errorf("%s has a socket to netfilter: %s", role, to)
				}
			default:
				t.Errorf("%s has %s", role, to)
			}
		}
		if len(all) > 24 {
			t.Errorf("%s has %d descriptors: %s", role, len(all), all)
		}
	}
	if !f.complete(t) {
		t.Errorf("the family is %v", roles)
	}
}

// netfilterSockets are those of the process's network namespace.
func netfilterSockets(t *testing.T, pid int) (names []string) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/netlink", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 9 && fields[1] == strconv.Itoa(unix.NETLINK_NETFILTER) {
			names = append(names, "socket:["+fields[9]+"]")
		}
	}
	if len(names) == 0 {
		t.Fatal("a gateway has no socket to netfilter")
	}
	return names
}

// childrenKilled: who is killed is replaced, and packets go on.
func (f *family) childrenKilled(t *testing.T) {
	for range 3 {
		roles, _ := f.children(t)
		for role, pid := range roles {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if !eventually(func() bool { now, _ := f.children(t); return now[role] != 0 && now[role] != pid && f.complete(t) }) {
				t.Fatalf("%s is not replaced\n%s", role, f.Daemon(lab.GatewayName).Tail(10))
			}
			f.probe(t, "alice", "pop", lab.UDP, lab.Passed)
			f.probe(t, "pop", "sec", lab.UDP, lab.Dropped)
		}
	}
	f.descriptors(t)
}

// upgrades leave nothing behind.
func (f *family) upgrades(t *testing.T) {
	d := f.Daemon(lab.GatewayName)
	before := descriptors(t, d.PID())
	for i := range 5 {
		old, _ := f.children(t)
		if err := d.Signal(unix.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		if !eventually(func() bool {
			now, _ := f.children(t)
			return now["control"] != 0 && now["control"] != old["control"] && f.complete(t)
		}) {
			roles, zombies := f.children(t)
			t.Fatalf("after upgrade %d there are %v and %d zombies\n%s", i+1, roles, zombies, d.Tail(10))
		}
		f.probe(t, "alice", "pop", lab.UDP, lab.Passed)
		f.probe(t, "pop", "sec", lab.UDP, lab.Dropped)
	}
	if !eventually(func() bool { return descriptors(t, d.PID()) <= before+2 }) {
		t.Errorf("%d descriptors before, %d after", before, descriptors(t, d.PID()))
	}
	f.descriptors(t)
}

func descriptors(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// suppressed: what was not recorded one by one is in a sum when the gateway stops.
func (f *family) suppressed(t *testing.T) {
	const sent = 15_000 // more than are recorded one by one
	d := f.Daemon(lab.GatewayName)
	to := netip.AddrPortFrom(f.address(t, "sec", lab.GatewayName), 9)
	err := f.Do("pop", func() error {
		c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
		if err != nil {
			return err
		}
		defer c.Close()
		for i := range sent {
			if i%100 == 0 {
				time.Sleep(time.Millisecond) // else the sending host's own queue is full
			}
			c.Write([]byte("denied")) // an error is that of one before
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-d.Exited():
	case <-time.After(10 * time.Second):
		t.Fatalf("a stop takes too long\n%s", d.Tail(10))
	}
	told := uint64(0)
	for _, r := range f.records(t, lab.GatewayName, 0) {
		switch {
		case r.Event == audit.EventStart: // of the program that runs, which counted anew
			told = 0
		case r.Action == audit.Denied && (r.Event == audit.EventDecision || r.Event == audit.EventSuppressed):
			told += max(r.Count, 1)
		}
	}
	log := d.Tail(12)
	_, after, _ := strings.Cut(log, " dropped=")
	dropped, err := strconv.ParseUint(strings.Fields(after + " -")[0], 10, 64)
	if err != nil || dropped < sent/2 {
		t.Fatalf("%d dropped: %v\n%s", dropped, err, log)
	}
	if told != dropped {
		t.Errorf("%d packets are on record as denied, %d were\n%s", told, dropped, log)
	}
}

// stopped: who is told to end while another program takes over ends.
func (f *family) stopped(t *testing.T) {
	for delay := time.Duration(0); delay <= 240*time.Millisecond; delay += 30 * time.Millisecond {
		if _, err := f.StartDaemon(t.Context(), lab.GatewayName); err != nil {
			t.Fatal(err)
		}
		d := f.Daemon(lab.GatewayName)
		if err := d.Signal(unix.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		time.Sleep(delay)
		if err := d.Signal(unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		select {
		case <-d.Exited():
		case <-time.After(10 * time.Second):
			t.Errorf("told to end %v after an upgrade was asked for, and it goes on\n%s", delay, d.Tail(10))
			d.Stop()
		}
	}
}
