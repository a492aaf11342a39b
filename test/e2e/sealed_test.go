package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
	"labelgate/internal/manifest"
)

func sealedLifecycle(t *testing.T, name, settings string, seal ...string) *lifecycle {
	t.Helper()
	needLab(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{"labelgate.toml": settings + lifecycleConfig, rulesFile: lifecycleRules, "policy/netlabel.d/site": lifecycleHosts})
	labelgate(t, append([]string{"seal", dir}, seal...)...)
	return &lifecycle{dir: dir, bench: newBench(t, name, filepath.Join(dir, "labelgate.toml"), []lab.Host{
		host("alice", "10.1.0.2/28", "red", "Foo", 3),
		host("pop", "10.4.0.2/28", "gray", "", 0),
	})}
}

// TestExpires: the gateway ends with its policy, its zones are closed, and it does
// not start again with it. With another one it does.
func TestExpires(t *testing.T) {
	const life = 8 * time.Second
	c := sealedLifecycle(t, "x", "", "--expires", life.String())
	c.probe(t, "alice", "pop", lab.UDP, lab.Passed)
	d := c.Daemon(lab.GatewayName)
	select {
	case <-d.Exited():
	case <-time.After(life + 5*time.Second):
		t.Fatal("it did not end")
	}
	if last := d.Tail(1); !strings.Contains(last, "the policy in force, version 1, expired 20") {
		t.Errorf("log %q", last)
	}
	if r := c.record(t, lab.GatewayName, 0, func(r *audit.Record) bool {
		return r.Event == audit.EventPolicyRefused && strings.Contains(r.Detail, "expired")
	}); r == nil {
		t.Error("no record")
	}
	c.probe(t, "alice", "pop", lab.UDP, lab.Dropped)
	if _, err := c.StartDaemon(t.Context(), lab.GatewayName); err == nil || !strings.Contains(err.Error(), "MANIFEST: expired 20") {
		t.Errorf("%v", err)
	}
	labelgate(t, "seal", c.dir)
	if _, err := c.StartDaemon(t.Context(), lab.GatewayName); err != nil {
		t.Fatal(err)
	}
	c.probe(t, "alice", "pop", lab.UDP, lab.Passed)
}

// TestRemembersVersion: an older version is not taken after a restart.
func TestRemembersVersion(t *testing.T) {
	state := filepath.Join(t.TempDir(), "version")
	c := sealedLifecycle(t, "v", fmt.Sprintf("manifest-state = %q\n", state))
	kept := func() uint64 {
		t.Helper()
		data, err := os.ReadFile(state)
		must(t, err)
		s, err := manifest.Recall(data)
		must(t, err)
		return s.Version
	}
	if v := kept(); v != 1 {
		t.Errorf("version %d is kept, want 1", v)
	}
	first, err := os.ReadFile(filepath.Join(c.dir, manifestFile))
	must(t, err)
	labelgate(t, "seal", "--version", "5", c.dir)
	d := c.Daemon(lab.GatewayName)
	if _, err := d.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := kept(); v != 5 {
		t.Errorf("version %d is kept, want 5:\n%s", v, d.Tail(3))
	}
	must(t, d.Stop())
	write(t, c.dir, map[string]string{manifestFile: string(first)})
	if _, err := c.StartDaemon(t.Context(), lab.GatewayName); err == nil || !strings.Contains(err.Error(), "version 1 is older than version 5") {
		t.Errorf("%v", err)
	}
	labelgate(t, "seal", "--version", "6", c.dir)
	if _, err := c.StartDaemon(t.Context(), lab.GatewayName); err != nil {
		t.Fatal(err)
	}
	if v := kept(); v != 6 {
		t.Errorf("version %d is kept, want 6", v)
	}
}
