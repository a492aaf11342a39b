package e2e

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"

	"labelgate/test/figures"
)

const closedConfig = `
policy = "policy"

[[zone]]
name       = "left"
interfaces = ["ge2e-left"]
networks   = ["10.5.1.0/24"]
labels     = "refuse"

[[zone]]
name       = "right"
interfaces = ["ge2e-right"]
networks   = ["10.5.2.0/24"]
labels     = "refuse"
`

// routes are all ways of a datagram in the network.
var routes = [][2]string{
	{"left", "right"}, {"right", "left"}, {"left", "other"}, {"other", "left"}, {"left", "gateway"}, {"gateway", "right"},
	{"other", "another"}, {"another", "gateway"}, {"gateway", "other"},
}

// inZones and between are numbers of the first ways: those that touch a zone, and
// those from one zone to the other.
const inZones, between = 6, 2

// TestClosed: a machine that is closed before it has an interface lets nothing through
// before there is somebody who judges, nor after he is gone.
func TestClosed(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"labelgate.toml": closedConfig, "policy/netlabel.d/site": "10.5.1.2 Pop zone=left\n10.5.2.2 Snap zone=right\n",
		"policy/accesses.d/site": "Pop Snap w\nSnap Pop w\n",
	}
	write(t, dir, files)
	u := newUnwired(t, filepath.Join(dir, "labelgate.toml"))
	var forbidden, lost int
	// want holds what passes against what should: the ways before the first stay closed.
	want := func(t *testing.T, what string, open func(way int) bool) {
		t.Helper()
		for i, w := range routes {
			const datagrams = 5
			shall := open(i)
			n := u.passes(t, w[0], w[1], datagrams, shall)
			switch {
			case !shall && n > 0:
				forbidden += n
				t.Errorf("%s: %d of %d datagrams passed from %s to %s", what, n, datagrams, w[0], w[1])
			case shall && n < datagrams:
				lost += datagrams - n
				t.Errorf("%s: %d of %d datagrams passed from %s to %s", what, n, datagrams, w[0], w[1])
			}
		}
	}
	closed := func(way int) bool { return way >= inZones }
	judged := func(way int) bool { return way < between || way >= inZones }

	h, err := netlink.NewHandleAt(u.gateway, syscall.NETLINK_ROUTE)
	must(t, err)
	defer h.Close()
	if links, err := h.LinkList(); err != nil || len(links) != 1 {
		t.Fatalf("%d interfaces: %v", len(links), err)
	}
	for range 2 {
		if code, said := u.labelgated(t, "--close", "--config", u.config); code != 0 || !strings.Contains(said, "left (ge2e-left), right (ge2e-right)") {
			t.Fatalf("closing ended with %d: %s", code, said)
		}
	}
	u.wire(t)
	want(t, "before anybody judges", closed)
	end := u.start(t)
	want(t, "judged", judged)
	if code, said := u.labelgated(t, "--close", "--config", u.config); code != 0 || !strings.Contains(said, "a labelgated runs") {
		t.Errorf("closing where one runs ended with %d: %s", code, said)
	}
	want(t, "judged, after closing again", judged)
	end(syscall.SIGTERM)
	want(t, "stopped", closed)
	end = u.start(t)
	want(t, "started again", judged)
	end(syscall.SIGKILL)
	want(t, "killed", closed)
	if code, said := u.labelgated(t, "--close", "--config", u.config); code != 0 {
		t.Errorf("closing ended with %d: %s", code, said)
	}
	want(t, "killed and closed", closed)

	t.Run("wrong settings", func(t *testing.T) {
		write(t, dir, map[string]string{"labelgate.toml": closedConfig + "lables = \"refuse\"\n"})
		code, said := u.labelgated(t, "--close", "--config", u.config)
		if code != 1 || !strings.Contains(said, "labelgate.toml:15:1: ") || !strings.Contains(said, "THE ZONES ARE NOT KNOWN") {
			t.Errorf("ended with %d: %s", code, said)
		}
		// The zones of before stay closed; nothing is forwarded elsewhere either, and
		// the machine can be reached.
		own := func(way int) bool { return way > inZones }
		want(t, "settings that cannot be used", own)
		write(t, dir, files)
		if code, said := u.labelgated(t, "--close", "--config", u.config); code != 0 {
			t.Errorf("ended with %d: %s", code, said)
		}
		want(t, "closed, with settings that can be used", own)
		end := u.start(t)
		want(t, "judged again", judged)
		end(syscall.SIGTERM)
	})
	t.Run("no settings", func(t *testing.T) {
		if code, said := u.labelgated(t, "--open"); code != 0 {
			t.Fatalf("opening ended with %d: %s", code, said)
		}
		want(t, "opened", func(int) bool { return true })
		if code, said := u.labelgated(t, "--close", "--config", filepath.Join(dir, "none.toml")); code != 1 || !strings.Contains(said, "THE ZONES ARE NOT KNOWN") {
			t.Errorf("ended with %d: %s", code, said)
		}
		forwards := func(way int) bool {
			from, to := routes[way][0], routes[way][1]
			return from == "gateway" || to == "gateway"
		}
		want(t, "without settings", forwards)
		if code, said := u.labelgated(t, "--open"); code != 0 {
			t.Fatalf("opening ended with %d: %s", code, said)
		}
		want(t, "opened again", func(int) bool { return true })
	})
	report(t,
		figures.Figure{ID: "e2e/closed/forbidden-delivered", Value: float64(forbidden), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "e2e/closed/allowed-not-delivered", Value: float64(lost), Unit: "packets"}.AtMost(0),
	)
}
