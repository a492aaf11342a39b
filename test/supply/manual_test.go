package supply

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestManual: what docs/operations.md names is there.
func TestManual(t *testing.T) {
	page, targets := load(t, root+"/docs/operations.md"), load(t, root+"/Makefile")
	for _, m := range regexp.MustCompile("(?:^|`|\\n)make ([a-z-]+)").FindAllStringSubmatch(page, -1) {
		if !regexp.MustCompile(`(?m)^` + m[1] + `:`).MatchString(targets) {
			t.Errorf("there is no make %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([a-z]+\.md)?(?:#([a-z-]+))?\)`).FindAllStringSubmatch(page, -1) {
		file := m[1]
		if file == "" {
			file = "operations.md"
		}
		text, err := os.ReadFile(filepath.Join(root, "docs", file))
		if err != nil {
			t.Error(err)
		}
		heading := `(?mi)^#+ ` + strings.ReplaceAll(regexp.QuoteMeta(m[2]), "-", "[ -]")
		if m[2] != "" && !regexp.MustCompile(heading).Match(text) {
			t.Errorf("%s has no chapter %s", file, m[2])
		}
	}
	shipped, err := filepath.Glob(root + "/packaging/systemd/drop-ins/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(unitFiles(t), shipped...) {
		if !strings.Contains(page, filepath.Base(file)) {
			t.Errorf("%s is not named", filepath.Base(file))
		}
	}
}
