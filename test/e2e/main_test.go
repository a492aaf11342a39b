package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
)

// labPrefix begins the names of all labs of this test run, and of no other.
var labPrefix = fmt.Sprintf("e2e%d-", os.Getpid())

// programs is where the two programs are once TestMain has built them; "" when
// the tests cannot run anyway.
var programs string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Geteuid() != 0 {
		return m.Run() // every test skips, and says why
	}
	dir, err := os.MkdirTemp("", "lge2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir, "labelgate/cmd/labelgate", "labelgate/cmd/labelgated")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "go build:", err)
		return 1
	}
	programs = dir
	code := m.Run()
	if err := writeFigures(); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		code = 1
	}
	for _, left := range leftovers() {
		fmt.Fprintln(os.Stderr, "left behind:", left)
		code = 1
	}
	return code
}

// needLab skips where no namespaces can be made.
func needLab(t *testing.T) {
	t.Helper()
	if programs == "" {
		t.Skip("needs root: makes network namespaces and nfqueues in them")
	}
}

// leftovers names every namespace, process and link of these tests that is still
// there.
func leftovers() (left []string) {
	found, _ := filepath.Glob("/run/netns/lg-" + labPrefix + "*")
	left = append(left, found...)
	processes, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, p := range processes {
		exe, err := os.Readlink(p)
		if err == nil && strings.HasPrefix(exe, programs+"/") {
			left = append(left, p+" -> "+exe)
		}
	}
	links, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		left = append(left, fmt.Sprint("list of links: ", err))
	}
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Name, cablePrefix) {
			left = append(left, "link "+l.Attrs().Name)
		}
	}
	return left
}
