package supply

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestGatewayFullDisk: a disk that is full does not make systemd start the gateway
// anew, which would not help; and what was to be written is written when there is
// room again.
func TestGatewayFullDisk(t *testing.T) {
	t.Parallel()
	m := gateway(t)
	const log, ballast = "/var/log/labelgate", "/var/log/labelgate/ballast"
	m.settings(`"stderr"`, `"`+log+`/audit.log"`)
	run(t, "", "systemctl", "--root="+m.dir, "disable", "labelgated")
	m.start()
	m.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", log)
	m.run("systemctl", "start", "labelgated")

	reload := func() {
		status := func() string { return m.property("labelgated", "StatusText") }
		before := status()
		m.run("systemctl", "reload", "labelgated")
		m.until("it has reloaded", func() bool { return status() != before })
	}
	_, _ = m.try("dd", "if=/dev/zero", "of="+ballast, "bs=4k", "count=100") // until it is full
	reloads := 0
	for deadline := time.Now().Add(patience); !strings.Contains(m.run("journalctl", "-o", "cat", "-u", "labelgated"), "records are not written"); {
		if time.Now().After(deadline) {
			t.Fatal("the disk does not get full")
		}
		reload()
		reloads++
	}
	time.Sleep(8 * time.Second) // more than WatchdogSec
	if n := m.number("labelgated", "NRestarts"); n != 0 {
		t.Errorf("it was started %d times more", n)
	}
	m.run("rm", ballast)
	written := func() string { return m.run("cat", log+"/audit.log") }
	m.until("all is written", func() bool { return strings.Count(written(), "event=policy_loaded") == reloads })
	m.until("it says so", func() bool { return strings.Contains(written(), "reason=well") })
	for i, seq := range regexp.MustCompile(`msg=audit\([0-9.]+:([0-9]+)\)`).FindAllStringSubmatch(written(), -1) {
		if seq[1] != strconv.Itoa(i+1) {
			t.Fatalf("record %d has the number %s", i+1, seq[1])
		}
	}
	t.Log(fmt.Sprint(reloads, " reloads"))
}
