package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"labelgate/cipso"
	"labelgate/internal/kerneldoi"
	"labelgate/internal/lab"
	"labelgate/test/figures"
	"labelgate/test/long"
)

// The domains of these tests. Their numbers are nobody else's: what stands on a
// cable with one of them in it was labeled here. Plain Linux machines take part, so
// the kernel must know them, whose list is the whole machine's.
var (
	redDOI  = uint32(77040 + os.Getpid()%25*2)
	blueDOI = redDOI + 1
)

const errorsConfig = `
policy = "policy"
%s

[[doi]]
number = %[2]d
tags   = [1]

[[doi]]
number = %[3]d
tags   = [2, 5]

[[zone]]
name       = "red"
interfaces = ["ge2e-alice", "ge2e-mred", "ge2e-other", "ge2e-rtr"]
networks   = ["10.1.0.0/16"]
labels     = "require"
doi        = %[2]d

[[zone]]
name       = "blue"
interfaces = ["ge2e-mblue"]
networks   = ["10.2.0.0/16"]
labels     = "require"
doi        = %[3]d

[[zone]]
name       = "green"
interfaces = ["ge2e-mgreen", "ge2e-gsock"]
networks   = ["10.3.0.0/16"]
labels     = "accept"
doi        = %[2]d

[[zone]]
name       = "gray"
interfaces = ["ge2e-pop", "ge2e-sec", "ge2e-mgray", "ge2e-gray2", "ge2e-grtr", "ge2e-ear"]
networks   = ["10.4.0.0/16"]
labels     = "refuse"

[[zone]]
name       = "quiet"
interfaces = ["ge2e-mquiet"]
networks   = ["10.5.0.0/16"]
labels     = "require"
doi        = %[2]d
icmp-errors = false

[audit]
output = "audit.json"
format = "json"
`

const errorsRules = `# subject object access
Foo  Pop    w
Bar  Pop    w
Abe  Pop    w
Pop  Foo    w
Gate Pop    w
Pop  Gate   w
Foo  Gate   w
Gate Foo    w
Foo  Hop    w
Foo  Lacks  r
Pop  Hop    w
Hop  Pop    w
`

const errorsHosts = `# prefix label
10.3.65.0/24  -CIPSO zone=green
10.4.0.2      Pop    zone=gray
10.4.0.18     Secret zone=gray
10.4.0.34     Pop    zone=gray
10.4.0.50     Pop    zone=gray
10.4.0.66     Hop    zone=gray
10.4.0.82     Pop    zone=gray
10.4.64.0/18  Pop    zone=gray
10.4.200.9    Lacks  zone=gray
10.4.200.0/24 Pop    zone=gray
`

// errorsBench is a lab for ICMP. The hosts whose names begin with m, and other and
// gray2, send what they like and say nothing by themselves.
type errorsBench struct {
	*bench
	dir  string
	raws map[string]*rawCable
}

func errorsTopology() []lab.Host {
	all := []lab.Host{
		host("alice", "10.1.0.2/28", "red", "Foo", redDOI),
		host("mred", "10.1.0.18/28", "red", "", 0),
		host("other", "10.1.0.34/28", "red", "", 0),
		host("rtr", "10.1.0.50/28", "red", "", 0), // a router
		host("mblue", "10.2.0.2/28", "blue", "", 0),
		host("mgreen", "10.3.0.2/28", "green", "", 0),
		host("gsock", "10.3.0.18/28", "green", "", 0),
		host("pop", "10.4.0.2/28", "gray", "", 0),
		host("sec", "10.4.0.18/28", "gray", "", 0),
		host("mgray", "10.4.0.34/28", "gray", "", 0),
		host("gray2", "10.4.0.50/28", "gray", "", 0),
		host("grtr", "10.4.0.66/28", "gray", "", 0), // a router
		host("ear", "10.4.0.82/28", "gray", "", 0),
		host("mquiet", "10.5.0.2/28", "quiet", "", 0),
	}
	for i := range all {
		if all[i].Name == "other" || all[i].Name == "gray2" {
			all[i].MTU = narrow
		}
	}
	return all
}

// narrow is the MTU of the cables of other and gray2.
const narrow = 1400

// withSelf are settings that give the gateway a label of its own.
const withSelf = "[self]\nlabel = \"Gate\"\n"

// newErrorsBench starts the lab with some settings besides. Its name must be short.
func newErrorsBench(t *testing.T, name, settings string) *errorsBench {
	t.Helper()
	needLab(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"labelgate.toml":         fmt.Sprintf(errorsConfig, settings, redDOI, blueDOI),
		"policy/accesses.d/site": errorsRules,
		"policy/netlabel.d/site": errorsHosts,
	})
	e := &errorsBench{
		bench: &bench{
			Lab: startLab(t, name, filepath.Join(dir, "labelgate.toml"), errorsTopology()), boxes: map[string]*inbox{}, port: 20000,
		},
		dir: dir, raws: map[string]*rawCable{},
	}
	for _, h := range []string{"mred", "other", "mblue", "mgreen", "mgray", "gray2", "mquiet"} {
		e.deafen(t, h)
		c, err := e.rawCable(h)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.close)
		e.raws[h] = c
	}
	for _, node := range e.Nodes() {
		e.sysctl(t, node, "icmp_ratelimit", "0") // of the kernel; that of the gateway is another
	}
	e.routes(t, map[string]string{
		"10.1.64.0/18": "mred", "10.1.128.0/18": "other", "10.2.64.0/18": "mblue", "10.3.64.0/18": "mgreen",
		"10.4.64.0/18": "mgray", "10.5.64.0/18": "mquiet",
	})
	var err error
	if e.boxes["ear"], err = e.listen("ear"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.boxes["ear"].close)
	return e
}

// routes gives the gateway routes to networks by way of hosts.
func (e *errorsBench) routes(t *testing.T, by map[string]string) {
	t.Helper()
	ns, err := e.Namespace(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for network, host := range by {
		_, dst, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.RouteAdd(&netlink.Route{Dst: dst, Gw: e.address(t, host, lab.GatewayName).AsSlice()}); err != nil {
			t.Fatalf("route to %s: %v", network, err)
		}
	}
}

// sysctl sets a value of IPv4 in a node.
func (e *errorsBench) sysctl(t *testing.T, node, name, value string) {
	t.Helper()
	if err := e.Do(node, func() error { return os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0o644) }); err != nil {
		t.Fatal(err)
	}
}

// settings gives the gateway other settings in place of those of newErrorsBench.
func (e *errorsBench) settings(t *testing.T, settings string) {
	t.Helper()
	write(t, e.dir, map[string]string{"labelgate.toml": fmt.Sprintf(errorsConfig, settings, redDOI, blueDOI)})
	reload(t, e.Lab, lab.GatewayName)
}

// tellKernel makes the domains known to the kernel until the test ends, so that
// plain machines take packets with labels. It skips where that cannot be done.
func tellKernel(t *testing.T) {
	t.Helper()
	r, err := kerneldoi.Sync([]cipso.DOI{cipso.DOI(redDOI), cipso.DOI(blueDOI)})
	switch {
	case err == nil, errors.Is(err, kerneldoi.ErrNoNetLabel) && !errors.Is(err, kerneldoi.ErrElsewhere):
	default:
		t.Skipf("needs a kernel that takes labels of these tests: %v", err)
	}
	t.Cleanup(func() {
		if err := r.Release(); err != nil {
			t.Error(err)
		}
	})
}

// raw puts a packet on a host's cable.
func (e *errorsBench) raw(t *testing.T, from string, packet []byte) {
	t.Helper()
	if err := e.raws[from].send(packet); err != nil {
		t.Fatal(err)
	}
}

// sentinels say by which label the hosts that send what they like send a datagram
// to the ear, which hears all of them.
var sentinels = map[string]string{"mred": "Abe", "other": "Abe", "mblue": "Bar", "mgreen": "Abe"}

// settled waits until the gateway has judged everything that a host has sent so
// far. The queue keeps the order of what comes by one cable, but a packet that leaves
// labeled comes to it twice: the first sentinel may overtake such, the second not.
func (e *errorsBench) settled(t *testing.T, from string) {
	t.Helper()
	h := header{src: e.address(t, from, "ear"), dst: e.address(t, "ear", from), proto: protoUDP}
	if name := sentinels[from]; name != "" {
		doi, tag := redDOI, uint8(1)
		if from == "mblue" {
			doi, tag = blueDOI, 2
		}
		h.options = e.option(t, doi, tag, name)
	}
	for range 2 {
		port := e.nextPort()
		h.body = udp(port, inboxPort, []byte("sentinel"))
		e.raw(t, from, h.bytes())
		if !eventually(func() bool { _, n := e.boxes["ear"].heard(port); return n > 0 }) {
			t.Fatalf("the gateway does not judge what %s sends", from)
		}
	}
}

// encodings keeps what the operator's tool was asked before.
var encodings = map[string][]byte{}

func (e *errorsBench) option(t *testing.T, doi uint32, tag uint8, name string) []byte {
	t.Helper()
	key := fmt.Sprint(doi, tag, name)
	if encodings[key] == nil {
		encodings[key] = direct(doi, tag, name).encoded(t)
	}
	return encodings[key]
}

// watch captures what is on the cables of hosts until the test ends.
func (e *errorsBench) watch(t *testing.T, hosts ...string) map[string]*lab.Capture {
	t.Helper()
	all := map[string]*lab.Capture{}
	for _, h := range hosts {
		c, err := e.Capture(h)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Stop)
		all[h] = c
	}
	return all
}

// stop ends captures, which are no judges when they missed anything.
func stop(t *testing.T, captures map[string]*lab.Capture) {
	t.Helper()
	time.Sleep(10 * time.Millisecond) // the last packets are between two namespaces
	for h, c := range captures {
		c.Stop()
		if n := c.Lost(); n > 0 {
			t.Errorf("the capture at %s missed %d packets", h, n)
		}
	}
}

// TestErrors: ICMP through the gateway, and from it.
func TestErrors(t *testing.T) {
	e := newErrorsBench(t, "e", withSelf)
	unlabeled := []string{"mgray", "gray2", "pop", "sec", "ear", "grtr"}
	cables := e.watch(t, append(unlabeled, "mblue")...)
	t.Run("flows", e.flows) // read the records, which are many in the end
	t.Run("pinned", e.pinned)
	t.Run("own", e.own)
	t.Run("kernel", e.kernel)
	t.Run("without a label", e.silent)
	t.Run("reflection", e.reflection)
	t.Run("sockets", e.sockets)
	t.Run("traceroute", e.traceroute)
	t.Run("matrix", e.strictMatrix)
	t.Run("compat", e.compatMatrix)
	t.Run("flood", e.flood)
	t.Run("on the cables", func(t *testing.T) {
		stop(t, cables)
		seen, packets := 0, 0
		for h, c := range cables {
			for _, p := range c.Packets() {
				ip := p.IPv4()
				if p.Outgoing || ip == nil {
					continue
				}
				packets++
				to := h
				if slices.Contains(unlabeled, h) {
					to = "mgray"
				}
				what := leakOf(to, ip)
				if what == "" && !long.Long() {
					what = pattern(to, ip)
				}
				if what != "" {
					if t.Errorf("%s at %s: % x", what, h, trim(ip)); seen > 20 {
						t.Fatal("and so on")
					}
					seen++
				}
			}
		}
		report(t,
			figures.Figure{ID: "e2e/errors/cables/packets", Value: float64(packets), Unit: "packets"}.AtLeast(20000),
			figures.Figure{ID: "e2e/errors/cables/leaks", Value: float64(seen), Unit: "packets"}.AtMost(0),
		)
	})
	t.Run("crowd", e.crowd)
}
