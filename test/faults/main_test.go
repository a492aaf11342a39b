package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"labelgate/test/gate"
	"labelgate/test/long"
)

// sitePrefix begins the names of all sites of this test run, and of no other.
var sitePrefix = fmt.Sprintf("f%d-", os.Getpid())

// scratch is where files of the tests go, and program is labelgated; "" when the
// tests cannot run anyway.
var scratch, program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Geteuid() != 0 {
		return m.Run() // every test skips, and says why
	}
	dir, err := os.MkdirTemp("", "lgf")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	scratch = dir
	if program, err = gate.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := long.Main(m, "../..", "faults")
	for _, left := range leftovers() {
		fmt.Fprintln(os.Stderr, "left behind:", left)
		code = 1
	}
	return code
}

// needSite skips where no namespaces can be made.
func needSite(t *testing.T) {
	t.Helper()
	if program == "" {
		t.Skip("needs root: makes network namespaces and nfqueues in them")
	}
}

// leftovers names every namespace, process and link of these tests that is still
// there.
func leftovers() (left []string) {
	left, _ = filepath.Glob("/run/netns/lg-" + sitePrefix + "*")
	processes, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, p := range processes {
		exe, err := os.Readlink(p)
		if err == nil && strings.HasPrefix(exe, scratch+"/") {
			left = append(left, p+" -> "+exe)
		}
	}
	links, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		left = append(left, fmt.Sprint("list of links: ", err))
	}
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Name, gate.Cable) {
			left = append(left, "link "+l.Attrs().Name)
		}
	}
	return left
}
