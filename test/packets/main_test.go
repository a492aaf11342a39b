package packets

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"labelgate/test/long"
)

// labPrefix begins the name of the lab of this test run, cablePrefix the names of
// the gateway's interfaces: what is left of them afterwards is found by these.
var labPrefix = fmt.Sprintf("pk%d", os.Getpid())

const cablePrefix = "gpk-"

// programs is where labelgated is once TestMain has built it; "" when the rows
// cannot be run anyway.
var programs string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Geteuid() != 0 {
		return m.Run() // what needs root skips, and says why
	}
	dir, err := os.MkdirTemp("", "lgpk")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir, "labelgate/cmd/labelgated")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "go build:", err)
		return 1
	}
	programs = dir
	code := long.Main(m, "../..", "packets")
	for _, left := range leftovers() {
		fmt.Fprintln(os.Stderr, "left behind:", left)
		code = 1
	}
	return code
}

// leftovers names every namespace, process and link of these tests that is still
// there.
func leftovers() (left []string) {
	left, _ = filepath.Glob("/run/netns/lg-" + labPrefix + "*")
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
