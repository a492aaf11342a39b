package supply

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"labelgate/test/figures"
)

// highestScore is the most that systemd may find exposed of a unit, 10 being all.
const highestScore = 1.5

// unitFiles are the units that are delivered.
func unitFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(root + "/packaging/systemd/*.service")
	if err != nil || len(files) < 2 {
		t.Fatalf("units: %v %v", files, err)
	}
	return files
}

// TestUnitScore holds what systemd-analyze security says about each unit.
func TestUnitScore(t *testing.T) {
	needTool(t, "systemd-analyze")
	for _, file := range unitFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".service")
		t.Run(name, func(t *testing.T) {
			// The threshold is in tenths. A file that cannot be read has no score at all.
			out, err := exec.Command("systemd-analyze", "security", "--no-pager", "--offline=true",
				"--threshold="+strconv.Itoa(10*highestScore), file).CombinedOutput()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			said := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+) `).FindSubmatch(out)
			if said == nil {
				t.Fatalf("no score:\n%s", out)
			}
			score, parseErr := strconv.ParseFloat(string(said[1]), 64)
			if parseErr != nil {
				t.Fatal(parseErr)
			}
			if err != nil {
				t.Errorf("systemd-analyze: %v\n%s", err, out)
			}
			report(t, figures.Figure{ID: "unit/score/" + name, Value: score, Unit: "exposure"}.AtMost(highestScore))
		})
	}
}

// TestUnitScoreFinds: the judge of units is not asleep.
func TestUnitScoreFinds(t *testing.T) {
	needTool(t, "systemd-analyze")
	bare := filepath.Join(t.TempDir(), "bare.service")
	write(t, bare, "[Service]\nExecStart=/usr/sbin/labelgated\n")
	out, err := exec.Command("systemd-analyze", "security", "--no-pager", "--offline=true", "--json=short", bare).Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []struct{ Set *bool }
	if err := json.Unmarshal(out, &found); err != nil || len(found) < 50 {
		t.Errorf("%d findings, %v", len(found), err)
	}
	if exec.Command("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=15", bare).Run() == nil {
		t.Error("a unit without any protection passes")
	}
}

// TestUnitVerify: systemd knows every line of the units, in a machine where all that
// they name is there, and the programs that they start.
func TestUnitVerify(t *testing.T) {
	t.Parallel()
	needTool(t, "systemd-analyze")
	m := standIns(t)
	m.start()
	for _, file := range unitFiles(t) {
		out, err := m.try("systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", "/usr/lib/systemd/system/"+filepath.Base(file))
		if err != nil || out != "" {
			t.Errorf("%s: %v\n%s", filepath.Base(file), err, out)
		}
	}
}

// TestDropIns: what is not installed by itself does what it says.
func TestDropIns(t *testing.T) {
	t.Parallel()
	m := standIns(t)
	files, err := filepath.Glob(root + "/packaging/systemd/drop-ins/*.conf")
	if err != nil || len(files) != 2 {
		t.Fatalf("drop-ins: %v %v", files, err)
	}
	for _, file := range files {
		m.write("etc/systemd/system/labelgated.service.d/"+filepath.Base(file), load(t, file), 0o644)
	}
	m.write("etc/group", load(t, m.dir+"/etc/group")+"ops:x:1234:\n", 0o644)
	m.start()
	m.run("systemctl", "start", "labelgated")
	var found findings
	if err := json.Unmarshal([]byte(m.read(reportFile)), &found); err != nil {
		t.Fatal(err)
	}
	found.check(t, map[string]string{"CapEff": "0000000020003000"}) // CAP_AUDIT_WRITE as well
	if got := m.run("stat", "-c", "%G %a", "/run/labelgate"); got != "ops 750" {
		t.Errorf("the directory of the sockets is of group and mode %s", got)
	}
}
