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
	m.write("etc/systemd/system/labelgated.service.d/kernel-audit.conf", load(t, root+"/packaging/systemd/drop-ins/kernel-audit.conf"), 0o644)
	m.start()
	for _, file := range unitFiles(t) {
		out, err := m.try("systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", "/usr/lib/systemd/system/"+filepath.Base(file))
		if err != nil || out != "" {
			t.Errorf("%s: %v\n%s", filepath.Base(file), err, out)
		}
	}
	if caps := m.property("labelgated", "CapabilityBoundingSet"); !strings.Contains(caps, "cap_audit_write") {
		t.Errorf("with the drop-in for the kernel's audit the gateway may have %s", caps)
	}
}
