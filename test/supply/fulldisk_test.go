package supply

import (
	"strings"
	"testing"
	"time"
)

// TestGatewayFullDisk: a disk that is full does not end the gateway, and what was to
// be written is, when there is room again.
func TestGatewayFullDisk(t *testing.T) {
	t.Parallel()
	m := gateway(t)
	m.write("etc/labelgate/labelgate.toml", strings.Replace(load(t, root+"/examples/perimeter/labelgate.toml"), `output = "stderr"`, `output = "/var/log/labelgate/audit.log"`, 1), 0o640)
	run(t, "", "chgrp", "--reference="+m.dir+"/etc/labelgate", m.dir+"/etc/labelgate/labelgate.toml")
	m.write("etc/fstab", "", 0o644)
	run(t, "", "systemctl", "--root="+m.dir, "disable", "labelgated")
	m.start()
	m.run("mkdir", "-p", "/var/log/labelgate")
	m.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/var/log/labelgate")
	m.run("systemctl", "start", "labelgated")
	const ballast = "/var/log/labelgate/ballast"
	_, _ = m.try("dd", "if=/dev/zero", "of="+ballast, "bs=4k", "count=100")
	for range 45 {
		_, _ = m.try("systemctl", "kill", "-s", "HUP", "--kill-whom=main", "labelgated"); time.Sleep(40 * time.Millisecond)
	}
	time.Sleep(40 * time.Second)
	t.Logf("restarts %d, state %s", m.number("labelgated", "NRestarts"), m.property("labelgated", "ActiveState"))
	m.run("rm", ballast)
	time.Sleep(15 * time.Second)
	t.Logf("restarts %d, state %s", m.number("labelgated", "NRestarts"), m.property("labelgated", "ActiveState"))
	out, _ := m.try("journalctl", "-o", "cat", "-u", "labelgated", "-n", "1", "--no-pager")
	t.Log(out)
	t.Log(m.run("ls", "-la", "/var/log/labelgate"))
	t.Log(m.run("systemctl","status","--no-pager","-l","-n","0","labelgated")); t.Log(m.run("bash", "-c", "journalctl --no-pager -o short-monotonic | grep -E 'systemd.1.|level=|labelgated: ' | grep -v reloaded")); t.Log(m.run("bash","-c","grep -a -o -E '(seq|event)=[a-z_0-9]*|:[0-9]+.: ' /var/log/labelgate/audit.log | paste -sd\\  - | cut -c1-3000"))
}
