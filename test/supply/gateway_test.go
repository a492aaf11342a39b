package supply

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/auditor"
	"labelgate/internal/nft"
	"labelgate/test/figures"
)

// gateway is a machine with labelgated itself and the example of a perimeter.
func gateway(t *testing.T) *machine {
	t.Helper()
	programs := map[string]string{}
	for _, p := range release.programs(t) {
		if p.arch == runtime.GOARCH {
			programs[p.name] = p.file
		}
	}
	if len(programs) == 0 {
		t.Skip("needs a machine that releases are made for")
	}
	m := newMachine(t, programs["labelgated"])
	m.write("usr/sbin/labelgate", load(t, programs["labelgate"]), 0o755)
	run(t, "", "cp", "-r", root+"/examples/perimeter/.", filepath.Join(m.dir, "etc/labelgate"))
	run(t, "", "chgrp", "-R", "--reference="+m.dir+"/etc/labelgate", m.dir+"/etc/labelgate")
	run(t, "", "chmod", "-R", "u=rwX,g=rX,o=", m.dir+"/etc/labelgate")
	run(t, "", "systemctl", "--root="+m.dir, "enable", "labelgate-guard", "labelgate-forward", "labelgated")
	return m
}

// settings changes those of the example.
func (m *machine) settings(old, new string) {
	m.t.Helper()
	const name = "etc/labelgate/labelgate.toml"
	text := load(m.t, filepath.Join(m.dir, name))
	if !strings.Contains(text, old) {
		m.t.Fatalf("the settings do not say %s", old)
	}
	m.write(name, strings.Replace(text, old, new, 1), 0o640)
	run(m.t, "", "chgrp", "--reference="+m.dir+"/etc/labelgate", filepath.Join(m.dir, name))
}

// guarded lists the interfaces that the gateway's rules in the machine are about.
func (m *machine) guarded() string {
	m.t.Helper()
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", m.init.Process.Pid))
	m.must(err)
	defer ns.Close()
	names, err := nft.Guarded(nft.DefaultTable, int(ns.Fd()))
	m.must(err)
	return strings.Join(names, " ")
}

// TestGatewayUnderSystemd: from boot to stop, as the units have it.
func TestGatewayUnderSystemd(t *testing.T) {
	t.Parallel()
	m := gateway(t)
	m.settings(`"stderr"`, `"journal"`)
	run(t, "", "journalctl", "--update-catalog", "--root="+m.dir)
	m.start()
	m.until("the gateway runs", func() bool { return m.ready(0) })
	const zones = "enclave0 office0"

	t.Run("closed before the network", func(t *testing.T) {
		m := m.as(t)
		closed, network := m.number("labelgate-guard", "ActiveEnterTimestampMonotonic"), m.number("network-pre.target", "ActiveEnterTimestampMonotonic")
		if closed == 0 || closed > network {
			t.Errorf("zones are closed at %d us, the network begins at %d us", closed, network)
		}
		if got := m.guarded(); got != zones {
			t.Errorf("guards %q, want %q", got, zones)
		}
	})
	t.Run("forwards", func(t *testing.T) {
		m := m.as(t)
		if got := m.run("cat", "/proc/sys/net/ipv4/ip_forward"); got != "1" {
			t.Errorf("ip_forward is %s", got)
		}
	})
	t.Run("nothing is wrong", func(t *testing.T) {
		m := m.as(t)
		said := m.run("journalctl", "-o", "cat", "-u", "labelgated")
		for _, bad := range []string{"permission denied", "not permitted", "is not counted", "is not known", "cannot do"} {
			if strings.Contains(said, bad) {
				t.Errorf("it says %q:\n%s", bad, said)
			}
		}
	})
	t.Run("its records are explained", func(t *testing.T) {
		m := m.as(t)
		for event, subject := range map[string]string{audit.EventStart: "labelgate judges packets", audit.EventSandbox: "What process keeper may still do"} {
			m.until("there is a record "+event, func() bool {
				said, _ := m.try("journalctl", "-x", "--no-pager", "MESSAGE_ID="+auditor.MessageID(event, "", ""))
				return strings.Contains(said, "Subject: "+subject)
			})
		}
	})
	t.Run("the control socket", func(t *testing.T) {
		m := m.as(t)
		if said := m.run("labelgate", "status"); !strings.Contains(said, "judging") {
			t.Errorf("labelgate status says\n%s", said)
		}
		m.run("labelgate", "health")
	})
	t.Run("the watchdog is fed", func(t *testing.T) {
		m := m.as(t)
		time.Sleep(6 * time.Second) // more than WatchdogSec
		if n := m.number("labelgated", "NRestarts"); n != 0 {
			t.Errorf("it was started %d times more", n)
		}
	})
	t.Run("reload", func(t *testing.T) {
		m := m.as(t)
		m.run("systemctl", "reload", "labelgated")
		m.until("it has reloaded", func() bool { return strings.Contains(m.property("labelgated", "StatusText"), "generation 2") })
	})
	t.Run("kill", func(t *testing.T) {
		m := m.as(t)
		if n := m.number("labelgated", "NFileDescriptorStore"); n == 0 {
			t.Error("systemd keeps no queue")
		}
		first, began := m.number("labelgated", "MainPID"), time.Now()
		m.kill(syscall.SIGKILL)
		m.until("another one runs", func() bool { return m.ready(first) })
		report(t, figures.Figure{ID: "gateway/crash/back", Value: time.Since(began).Seconds(), Unit: "s"}.AtMost(5))
		if got := m.guarded(); got != zones {
			t.Errorf("guards %q, want %q", got, zones)
		}
	})
	t.Run("stop", func(t *testing.T) {
		m := m.as(t)
		m.run("systemctl", "stop", "labelgated")
		if state := m.property("labelgated", "Result"); state != "success" {
			t.Errorf("the stop ended with %s", state)
		}
		if got := m.guarded(); got != zones {
			t.Errorf("guards %q, want %q", got, zones)
		}
		if said, err := m.try("labelgated", "--open"); err != nil || m.guarded() != "" {
			t.Errorf("does not open: %v: %s", err, said)
		}
	})
}

// TestGuardWithoutSettings: what cannot be read closes all that is forwarded.
func TestGuardWithoutSettings(t *testing.T) {
	t.Parallel()
	m := gateway(t)
	m.write("etc/labelgate/labelgate.toml", "mode = 1\n", 0o640)
	m.start()
	if state := m.property("labelgate-guard", "ActiveState"); state != "failed" {
		t.Errorf("the guard is %s", state)
	}
	if state := m.property("labelgated", "ActiveState"); state == "active" {
		t.Error("the gateway runs without settings")
	}
	if got := m.run("cat", "/proc/sys/net/ipv4/ip_forward"); got != "0" {
		t.Errorf("ip_forward is %s", got)
	}
	said := m.run("journalctl", "-o", "cat", "-u", "labelgate-guard")
	if !strings.Contains(said, "labelgate.toml:1") || !strings.Contains(said, "everything that this machine would forward is dropped") {
		t.Errorf("it says\n%s", said)
	}
}
