package supply

import (
	"strings"
	"syscall"
	"testing"
)

// TestTrailUnderSystemd: the audit file, by the commands of docs/operations.md, over a
// reload, a crash and a stop.
func TestTrailUnderSystemd(t *testing.T) {
	t.Parallel()
	const keys = "labelgate audit keys /var/lib/labelgate/seal.key >seal.verify\nchown labelgate: /var/lib/labelgate/seal.key"
	const verify = "labelgate audit verify --key seal.verify --sealing-key /var/lib/labelgate/seal.key /var/log/labelgate/audit.log*"
	for _, line := range []string{keys, verify} {
		if !strings.Contains(load(t, root+"/docs/operations.md"), "\n"+line+"\n") {
			t.Errorf("docs/operations.md does not say %s", line)
		}
	}
	m := gateway(t)
	m.settings(`"stderr"`, `"/var/log/labelgate/audit.log"
seal-key = "/var/lib/labelgate/seal.key"`)
	run(t, "", "systemctl", "--root="+m.dir, "disable", "labelgated")
	m.start()
	shell := func(line string) (string, error) { return m.try("/bin/sh", "-c", "cd /root && "+line) }
	if said, err := shell(keys); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	m.run("systemctl", "start", "labelgated")
	m.run("labelgate", "reload")
	m.run("labelgate", "rotate")
	first := m.number("labelgated", "MainPID")
	m.kill(syscall.SIGKILL)
	m.until("another one runs", func() bool { return m.ready(first) })
	m.run("labelgate", "reload")
	m.run("systemctl", "stop", "labelgated")
	if said, err := shell(verify); err != nil {
		t.Errorf("%v: %s", err, said)
	} else {
		t.Log(said)
	}
	if said, err := shell("sed -i s/policy_loaded/policy_louded/ /var/log/labelgate/audit.log && " + verify); err == nil {
		t.Errorf("a record was changed, and nobody noticed: %s", said)
	}
}
