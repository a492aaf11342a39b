package supply

import (
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"labelgate/test/figures"
)

// TestReproduce: who builds the committed sources elsewhere gets the same bytes. `make
// reproduce` is the same for all architectures, with nothing taken from a cache.
func TestReproduce(t *testing.T) {
	t.Parallel()
	needTool(t, "make", "git", "sh", "cmp")
	if exec.Command("git", "-C", root, "rev-parse", "HEAD").Run() != nil {
		t.Skip("needs a git repository: builds clean clones of it")
	}
	c := exec.Command(root + "/packaging/reproduce.sh")
	c.Env = append(environment(), "CACHE=shared", "MAKE_ARGS=ARCHES=amd64")
	out, err := c.CombinedOutput()
	said := regexp.MustCompile(`(\d+) files, (\d+) bytes, bytes that differ: (\d+)`).FindSubmatch(out)
	if said == nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	number := func(i int) float64 {
		n, err := strconv.ParseFloat(string(said[i]), 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if number(1) < 5 || number(2) < 1<<20 {
		t.Errorf("hardly anything was compared: %s", out)
	}
	report(t, figures.Figure{ID: "reproduce/differ", Value: number(3), Unit: "bytes", Against: "a build elsewhere"}.AtMost(0),
		figures.Figure{ID: "reproduce/compared", Value: number(2), Unit: "bytes"})
}
