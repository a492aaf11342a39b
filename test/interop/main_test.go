//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// kernelVariable names the environment variable with the path of the guests'
// kernel, as kernel.sh prints it.
const kernelVariable = "LABELGATE_UML"

// built is what TestMain has put in place.
var built struct {
	kernel   string
	programs string // directory of labelgated and guest
}

// labName is the name of the lab, which no other run has at the same time.
var labName = fmt.Sprintf("interop%d", os.Getpid())

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Geteuid() != 0 {
		return m.Run() // the test skips, and says why
	}
	fail := func(what string, err error) int {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		return 1
	}
	if built.kernel = os.Getenv(kernelVariable); built.kernel == "" {
		return fail(kernelVariable, fmt.Errorf("no kernel for the guests; \"make interop\" builds it and runs this"))
	}
	if _, err := exec.LookPath(built.kernel); err != nil {
		return fail(kernelVariable, err)
	}
	dir, err := os.MkdirTemp("", "lgiop")
	if err != nil {
		return fail("directory", err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // the guests' processes are nobody's
		return fail("directory", err)
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir, "labelgate/cmd/labelgated", "labelgate/test/interop/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // the guest's program has no libraries
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fail("go build", err)
	}
	built.programs = dir
	code := m.Run()
	for _, left := range leftovers() {
		fmt.Fprintln(os.Stderr, "left behind:", left)
		code = 1
	}
	return code
}

// leftovers names every namespace and process of this run that is still there.
func leftovers() (left []string) {
	left, _ = filepath.Glob("/run/netns/lg-" + labName + "-*")
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		command, err := os.ReadFile(l)
		if err == nil && strings.Contains(string(command), built.programs+"/") {
			left = append(left, l+": "+strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return left
}
