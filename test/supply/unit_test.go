package supply

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"labelgate/test/figures"
)

// standIns is a machine that runs this program as labelgated.
func standIns(t *testing.T) *machine {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, program)
	m.write("etc/labelgate/labelgate.toml", "", 0o640)
	m.write("etc/shadow", "root:*::::::::\n", 0o600)
	m.write("root/secret", "root's", 0o644)
	run(t, "", "chgrp", "-R", "--reference="+m.dir+"/etc/labelgate", m.dir+"/etc/labelgate")
	return m
}

// TestUnitRights: under its unit labelgated can do what it needs, and not what it
// does not.
func TestUnitRights(t *testing.T) {
	t.Parallel()
	m := standIns(t)
	m.start()
	m.run("systemctl", "start", "labelgated")

	t.Run("the gateway", func(t *testing.T) {
		m := m.as(t)
		var found findings
		text := m.read(reportFile)
		if err := json.Unmarshal([]byte(text), &found); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		found.check(t, map[string]string{
			"NoNewPrivs": "1", "Seccomp": "2",
			"CapPrm": "0000000000003000", "CapEff": "0000000000003000", "CapBnd": "0000000000003000", // CAP_NET_ADMIN, CAP_NET_RAW
		})
		groups := strings.Fields(found.Status["Groups"])
		if uid := strings.Fields(found.Status["Uid"]); uid[0] == "0" || len(groups) != 2 || !slices.Contains(groups, "0") {
			t.Errorf("runs as user %v, groups %v", uid, groups)
		}
	})
	t.Run("what it starts", func(t *testing.T) {
		m := m.as(t)
		var status string
		m.until("the child says what it is", func() bool { status = m.read(childFile); return status != "" })
		for _, line := range []string{"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1"} {
			if !strings.Contains(status, line) {
				t.Errorf("not %q\n%s", line, status)
			}
		}
	})
	t.Run("the guard", func(t *testing.T) {
		m := m.as(t)
		var found findings
		text := m.run("journalctl", "-o", "cat", "-u", "labelgate-guard", "-t", "labelgated")
		if err := json.Unmarshal([]byte(text), &found); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		found.check(t, map[string]string{"NoNewPrivs": "1", "Seccomp": "2", "CapEff": "0000000000001000", "CapBnd": "0000000000001000"})
	})
}

func (f findings) check(t *testing.T, status map[string]string) {
	t.Helper()
	for key, want := range status {
		if f.Status[key] != want {
			t.Errorf("%s is %s, want %s", key, f.Status[key], want)
		}
	}
	for what, err := range f.May {
		if err != "" {
			t.Errorf("it cannot %s: %s", what, err)
		}
	}
	for what, err := range f.MayNot {
		if err == "" {
			t.Errorf("it can %s", what)
		}
	}
	if len(f.May) == 0 || len(f.MayNot) == 0 {
		t.Error("nothing was tried")
	}
}

// TestUnitEnds: what becomes of the family of processes when it is reloaded, killed,
// hangs, and is stopped.
func TestUnitEnds(t *testing.T) {
	t.Parallel()
	m := standIns(t)
	m.start()
	m.run("systemctl", "start", "labelgated")
	first := m.number("labelgated", "MainPID")

	t.Run("reload", func(t *testing.T) {
		m := m.as(t)
		m.run("systemctl", "reload", "labelgated")
		m.until("it reloads", func() bool { return m.read(reloadedFile) != "" })
		if pid := m.number("labelgated", "MainPID"); pid != first {
			t.Errorf("another process does: %d, not %d", pid, first)
		}
	})
	t.Run("kill", func(t *testing.T) {
		m := m.as(t)
		began := time.Now()
		m.kill(syscall.SIGKILL)
		m.until("another one runs", func() bool { return m.ready(first) })
		report(t, figures.Figure{ID: "unit/crash/back", Value: time.Since(began).Seconds(), Unit: "s"}.AtMost(5))
		if !strings.Contains(m.read(reportFile), `"Stored":"packets that wait"`) {
			t.Errorf("what systemd kept did not come back: %s", m.read(reportFile))
		}
		m.until("what was to be written is written all the same", func() bool { return strings.Count(m.read(drainedFile), "\n") == 1 })
	})
	t.Run("hang", func(t *testing.T) {
		m := m.as(t)
		hangs := m.number("labelgated", "MainPID")
		began := time.Now()
		m.kill(syscall.SIGSTOP)
		m.until("another one runs", func() bool { return m.ready(hangs) })
		back := time.Since(began).Seconds()
		m.until("what was to be written is written all the same", func() bool { return strings.Count(m.read(drainedFile), "\n") == 2 })
		report(t, figures.Figure{ID: "unit/hang/back", Value: back, Unit: "s"}.AtMost(10))
	})
	t.Run("stop", func(t *testing.T) {
		m := m.as(t)
		before := strings.Count(m.read(drainedFile), "\n")
		m.run("systemctl", "stop", "labelgated")
		if now := strings.Count(m.read(drainedFile), "\n"); now != before+1 {
			t.Errorf("%d were through with writing, want %d", now, before+1)
		}
		if m.read(signaledFile) != "" {
			t.Error("others than the first process were told to end")
		}
		if state := m.property("labelgated", "Result"); state != "success" {
			t.Errorf("the stop ended with %s", state)
		}
		if n := m.number("labelgated", "NFileDescriptorStore"); n != 0 {
			t.Errorf("systemd still holds %d descriptors", n)
		}
		if state := m.property("labelgate-guard", "ActiveState"); state != "active" {
			t.Errorf("the guard is %s", state)
		}
	})
}

// kill sends a signal to the first process of the gateway.
func (m *machine) kill(s syscall.Signal) {
	m.t.Helper()
	m.run("systemctl", "kill", "--kill-whom=main", "-s", strconv.Itoa(int(s)), "labelgated")
}

// ready reports whether a process other than that runs the gateway.
func (m *machine) ready(than int) bool {
	state, _ := m.try("systemctl", "show", "-p", "MainPID", "-p", "ActiveState", "labelgated")
	return strings.Contains(state, "ActiveState=active") && !strings.Contains(state, "MainPID="+strconv.Itoa(than)) && !strings.Contains(state, "MainPID=0")
}
