package lab_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"labelgate/internal/lab"
)

// nobody is a user without any rights.
const nobody = 65534

func TestDemo(t *testing.T) {
	needLab(t)
	before := leftovers(t, "example-")
	tests := []struct {
		name string
		uid  uint32
	}{{"as root", 0}, {"in a user namespace", nobody}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := short(t)
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			pcap := filepath.Join(dir, "demo.pcapng")
			c := command(t, "", "demo", pcap)
			c.Path = readable(t, c.Path)
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: tt.uid, Gid: tt.uid}}
			out, err := c.CombinedOutput()
			if code := c.ProcessState.ExitCode(); code == 3 && tt.uid != 0 {
				t.Skipf("needs user namespaces: %s", out)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range []string{
				"126 probes; 126 of the 126 outcomes", pcap, "Everything else is removed.",
				"[1] no-rule  Secret -> Public", "gateway/office-rules:3", "gateway/policy/accesses.d/site:5  Public -> Secret: bob>alice",
			} {
				if !bytes.Contains(out, []byte(want)) {
					t.Errorf("output lacks %q", want)
				}
			}
			if bytes.ContainsRune(out, '\x1b') || t.Failed() {
				t.Logf("%s", out)
			}
			if info, err := os.Stat(pcap); err != nil || info.Size() == 0 {
				t.Errorf("capture: %v", err)
			}
		})
	}
	if left := leftovers(t, "example-"); !slices.Equal(left, before) {
		t.Errorf("left: %q, before %q", left, before)
	}
}

// readable copies a program to where any user can start it.
func readable(t *testing.T, path string) string {
	t.Helper()
	dir := short(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "program")
	if err := os.WriteFile(to, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return to
}

// Ctrl-C at any moment leaves nothing, and no capture either.
func TestInterruptedDemoLeavesNothing(t *testing.T) {
	needLab(t)
	for _, after := range []string{"8 namespaces", "labelgated ready", "HOST"} {
		t.Run(after, func(t *testing.T) {
			name := testName(t)
			c := command(t, name, "demo", "")
			c.Env = append(c.Env, "TMPDIR="+short(t))
			output, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, output, after)
			if err := c.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, output)
			if err := c.Wait(); c.ProcessState.ExitCode() != 1 {
				t.Errorf("ended with %v", err)
			}
			if left := leftovers(t, name); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
			if _, err := os.Stat(filepath.Join(lab.DefaultDirectory, name)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("left: %v", err)
			}
			if running := daemons(t); len(running) > 0 {
				t.Errorf("left: processes %q", running)
			}
		})
	}
}

func waitFor(t *testing.T, r io.Reader, want string) {
	t.Helper()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if strings.Contains(lines.Text(), want) {
			return
		}
	}
	t.Fatalf("ended without saying %q", want)
}

// daemons lists the processes that run this test's labelgated.
func daemons(t *testing.T) (pids []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if exe, err := os.Readlink(link); err == nil && exe == daemon(t) {
			pids = append(pids, filepath.Base(filepath.Dir(link)))
		}
	}
	return pids
}

func TestUpRunDown(t *testing.T) {
	name := testName(t)
	up := command(t, name, "up")
	out, err := up.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	defer command(t, name, "down", name).Run()
	if !strings.Contains(string(out), "labelgate lab run alice -- ping -c1 -W1 198.51.100.2") {
		t.Errorf("says nothing to try:\n%s", out)
	}
	if out, err := command(t, name, "up").CombinedOutput(); err == nil || !strings.Contains(string(out), "is up already") {
		t.Errorf("up twice: %v\n%s", err, out)
	}
	keepers := 0
	for _, pid := range daemons(t) {
		// The others of the family are told a role.
		if line, err := os.ReadFile("/proc/" + pid + "/cmdline"); err == nil && strings.Contains(string(line), "--config") {
			keepers++
		}
	}
	if keepers != 4 {
		t.Errorf("%d daemons, want 4", keepers)
	}
	run := command(t, name, "run", name, "carol", "sh", "-c", "cat /proc/net/fib_trie; exit 7")
	out, err = run.CombinedOutput()
	if run.ProcessState.ExitCode() != 7 || !strings.Contains(string(out), "198.51.100.2") {
		t.Errorf("run: %v\n%s", err, out)
	}
	if out, err := command(t, name, "run", name, "nobody", "true").CombinedOutput(); err == nil || !strings.Contains(string(out), `no node "nobody", but gateway, alice`) {
		t.Errorf("run: %v\n%s", err, out)
	}
	if labs, err := lab.Labs(); err != nil || !strings.Contains(strings.Join(labs, " "), name) {
		t.Errorf("labs %q, %v", labs, err)
	}
	if out, err := command(t, name, "down", name).CombinedOutput(); err != nil {
		t.Errorf("down: %v\n%s", err, out)
	}
	if left := leftovers(t, name); len(left) > 0 || len(daemons(t)) > 0 {
		t.Errorf("left: %q, processes %q", left, daemons(t))
	}
	if out, err := command(t, name, "down", name).CombinedOutput(); err == nil {
		t.Errorf("down twice:\n%s", out)
	}
}

// A program that is killed cleans nothing up. Its daemons end with it, and down
// removes the rest; but not before it has ended.
func TestDownAfterACrash(t *testing.T) {
	name := testName(t)
	path, err := filepath.Abs("../../examples/lab/lab.toml")
	if err != nil {
		t.Fatal(err)
	}
	c := command(t, name, "hold", path)
	output, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer command(t, name, "down", name).Run()
	waitFor(t, output, "holding")
	if out, err := command(t, name, "down", name).CombinedOutput(); err == nil || !strings.Contains(string(out), "belongs to process") {
		t.Errorf("down before the crash: %v\n%s", err, out)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); len(daemons(t)) > 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if running := daemons(t); len(running) > 0 {
		t.Errorf("daemons outlive the program: %q", running)
	}
	if n := len(leftovers(t, name)); n != 8 {
		t.Errorf("%d namespaces left, want 8: the crash left less than expected", n)
	}
	if out, err := command(t, name, "down", name).CombinedOutput(); err != nil {
		t.Errorf("down: %v\n%s", err, out)
	}
	if left := leftovers(t, name); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
