// Package docs holds the manual against the code.
package docs

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"labelgate/internal/config"
	"labelgate/internal/policyfile"
	"labelgate/netlabel"
)

var update = flag.Bool("update", false, "write the generated parts of the manual anew")

const reference = "../../docs/reference.md"

// TestReasons: the table of reasons is the code's own.
func TestReasons(t *testing.T) {
	var want strings.Builder
	for _, r := range netlabel.Reasons() {
		fmt.Fprintf(&want, "| `%s` | %s |\n", r, r.Explain())
	}
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), "| reason | meaning |\n|---|---|\n")
	if !ok {
		t.Fatal("no table of reasons")
	}
	table, after, _ := strings.Cut(rest, "\n\n")
	if *update {
		page := before + "| reason | meaning |\n|---|---|\n" + want.String() + "\n" + after
		if err := os.WriteFile(reference, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table+"\n" != want.String() {
		t.Errorf("the table of reasons is not the code's; go test ./test/docs -update writes it anew\n%s", table)
	}
}

// TestKeys: the page names every key of the settings and every option of a host
// entry, and none that does not exist.
func TestKeys(t *testing.T) {
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	settings, rest, _ := bytes.Cut(page, []byte("## Policy files"))
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllSubmatch(settings, -1) {
		documented[string(m[1])] = true
	}
	compare(t, "key", config.Keys(), documented)
	hosts, _, _ := bytes.Cut(rest, []byte("## Reasons"))
	documented = map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)=").FindAllSubmatch(hosts, -1) {
		documented[string(m[1])] = true
	}
	compare(t, "option", policyfile.HostOptions(), documented)
}

// TestTunnels: the page names every tunnel that is known, in the code's order.
func TestTunnels(t *testing.T) {
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, known := range netlabel.Tunnels() {
		names = append(names, "`"+known.Name+"`")
	}
	if want := ": " + strings.Join(names, ", ") + "."; !bytes.Contains(page, []byte(want)) {
		t.Errorf("the reference does not say%s", want)
	}
}

func compare(t *testing.T, what string, known []string, documented map[string]bool) {
	t.Helper()
	for _, k := range known {
		if !documented[k] {
			t.Errorf("%s %q is not in the reference", what, k)
		}
		delete(documented, k)
	}
	for k := range documented {
		t.Errorf("the reference has %s %q, which does not exist", what, k)
	}
}
