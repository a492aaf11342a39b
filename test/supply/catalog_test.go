package supply

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"labelgate/internal/audit"
	"labelgate/internal/auditor"
)

const catalogFile = root + "/packaging/journal/labelgate.catalog"

// TestCatalogCompiles: journalctl takes every entry of the catalog, none twice.
func TestCatalogCompiles(t *testing.T) {
	needTool(t, "journalctl")
	text, err := os.ReadFile(catalogFile)
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`(?m)^-- ([0-9a-f]{32})\nSubject: (.+)$`).FindAllStringSubmatch(string(text), -1)
	if len(want) < 60 {
		t.Fatalf("only %d entries", len(want))
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "usr/lib/systemd/catalog"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "usr/lib/systemd/catalog/labelgate.catalog"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "", "journalctl", "--update-catalog", "--root="+dir)
	listed := map[string]string{}
	for line := range strings.Lines(run(t, "", "journalctl", "--list-catalog", "--no-pager", "--root="+dir)) {
		if id, rest, ok := strings.Cut(strings.TrimSpace(line), " labelgate: "); ok {
			listed[id] = rest
		}
	}
	if len(listed) != len(want) {
		t.Errorf("journalctl lists %d entries of %d", len(listed), len(want))
	}
	for _, e := range want {
		if listed[e[1]] != e[2] {
			t.Errorf("%s is listed as %q, not %q", e[1], listed[e[1]], e[2])
		}
	}
}

// TestCatalogShows: journalctl -x shows the words below a record, with what the
// record says filled in.
func TestCatalogShows(t *testing.T) {
	t.Parallel()
	needTool(t, "logger")
	m := standIns(t)
	run(t, "", "journalctl", "--update-catalog", "--root="+m.dir)
	m.start()
	log := m.inside("logger", "--journald")
	log.Stdin = strings.NewReader("MESSAGE=a record\nSYSLOG_IDENTIFIER=labelgated\nMESSAGE_ID=" + auditor.MessageID(audit.EventDecision, audit.Denied, "no-rule") +
		"\nLABELGATE_SADDR=192.0.2.10\nLABELGATE_DADDR=198.51.100.7\nLABELGATE_SUBJECT=Secret\nLABELGATE_OBJECT=Printer\nLABELGATE_ZONE=enclave\n")
	if out, err := log.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var said string
	m.until("the record is in the journal", func() bool {
		said, _ = m.try("journalctl", "-x", "--no-pager", "-t", "labelgated")
		return strings.Contains(said, "a record")
	})
	for _, want := range []string{"Subject: A packet was dropped: no-rule", "No rule names this subject and object.", "192.0.2.10 in zone enclave", "Subject       Secret", "operations.md"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in\n%s", want, said)
		}
	}
	t.Log(said)
}
