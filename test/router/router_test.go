//go:build router

package router

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kernelVariable names the environment variable with the path of the kernel.
const kernelVariable = "LABELGATE_UML"

// skipped are tests that this kernel cannot do either, and why.
var skipped = map[string]string{
	"TestBypasses/program_at_ingress": "Linux 6.6",
}

// mustRun are tests that are there for this kernel.
var mustRun = []string{"TestFlowtable", "TestVirtualServerIsFound", "TestNothingPassesWithoutListener", "TestCloseBeforeInterfaces"}

// TestNetfilter runs all tests of internal/nft in the kernel.
func TestNetfilter(t *testing.T) {
	kernel := os.Getenv(kernelVariable)
	if kernel == "" {
		t.Fatalf("%s names no kernel; \"make router\" builds it and runs this", kernelVariable)
	}
	// Not below /tmp, which is another one inside.
	dir, err := os.MkdirTemp("/var/tmp", "lgrouter")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for name, args := range map[string][]string{
		"guest":    {"build", "-buildvcs=false", "labelgate/test/router/guest"},
		"nft.test": {"test", "-c", "-buildvcs=false", "-tags", "router", "labelgate/internal/nft"},
	} {
		cmd := exec.Command("go", append(args[:len(args)-1:len(args)-1], "-o", filepath.Join(dir, name), args[len(args)-1])...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, kernel,
		"mem=512M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "loglevel=4",
		"con=null", "con0=fd:0,fd:1", "uml_dir="+dir, "init="+filepath.Join(dir, "guest"),
		// What the kernel does not know goes to the environment of the first process.
		"PROGRAM="+filepath.Join(dir, "nft.test"), "TESTS=.")
	// The kernel is several processes. In a PID namespace they all end with the first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWPID}
	out, err := cmd.CombinedOutput()
	text := strings.ReplaceAll(string(out), "\r", "")
	if err != nil || !strings.Contains(text, "guest: exit code 0") {
		t.Errorf("%v\n%s", err, text)
	}
	for _, m := range regexp.MustCompile(`(?m)^ *--- SKIP: (\S+)`).FindAllStringSubmatch(text, -1) {
		if skipped[m[1]] == "" {
			t.Errorf("%s was skipped", m[1])
		}
	}
	for _, name := range mustRun {
		if !strings.Contains(text, "--- PASS: "+name+" ") {
			t.Errorf("%s did not pass", name)
		}
	}
	t.Logf("%d tests passed, and parts of tests", strings.Count(text, "--- PASS: "))
	for line := range strings.Lines(text) {
		if strings.Contains(line, "flow table:") {
			t.Log(strings.TrimSpace(line))
		}
	}
}
