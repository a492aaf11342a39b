package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vishvananda/netlink"

	"labelgate/cipso"
	"labelgate/internal/kerneldoi"
	"labelgate/internal/lab"
)

var mtuConfig = strings.NewReplacer("DOI2", strconv.Itoa(int(mtuOtherDOI)), "DOI", strconv.Itoa(int(mtuDOI))).Replace(`
policy = "policy"

[[doi]]
number = DOI
tags   = [1]
cipso  = "labels-DOI"

[[doi]]
number = DOI2
tags   = [1]
cipso  = "labels-DOI2"

[[zone]]
name       = "red"
interfaces = ["ge2e-tom"]
networks   = ["10.1.0.0/16"]
labels     = "require"
doi        = DOI

[[zone]]
name       = "blue"
interfaces = ["ge2e-una"]
networks   = ["10.2.0.0/16"]
labels     = "require"
doi        = DOI2

[[zone]]
name       = "green"
interfaces = ["ge2e-hal"]
networks   = ["10.3.0.0/16"]
labels     = "require"
doi        = DOI

[[zone]]
name       = "gray"
interfaces = ["ge2e-pop"]
networks   = ["10.4.0.0/16"]
labels     = "refuse"

[[zone]]
name       = "brown"
interfaces = ["ge2e-rex"]
networks   = ["10.5.0.0/16"]
labels     = "require"
doi        = DOI

[[zone]]
name       = "white"
interfaces = ["ge2e-rob"]
networks   = ["10.6.0.0/16"]
labels     = "refuse"

[audit]
output = "audit.json"
format = "json"
`)

// mtuBench is a gateway with a host of every kind, two of them behind further
// routers. Every cable is watched at both ends.
type mtuBench struct {
	*lab.Lab
	sniffers []*sniffer
	sinks    map[string]*sink   // by host
	servers  map[string]*server // by host

	halLabel int // of hal at this moment
	recorded int // how many of the gateway's records fate has seen
	port     atomic.Uint32
	ids      atomic.Uint64

	mu     sync.Mutex
	mtus   map[string]int // of cables, by the host at their end
	dumb   bool           // rex knows nothing of labels
	cuts   bool           // TCP may come in fragments
	found  onCables
	tables []*mtuRow
}

// mtuHosts are the parties that send and receive.
func mtuHosts() []party { return []party{tom, una, hal, pop, tess, pat} }

// mtuRouters are the further routers by the host behind them.
var mtuRouters = map[string]string{"tess": "rex", "pat": "rob"}

// newMTUBench starts the lab.
func newMTUBench(t *testing.T) *mtuBench {
	t.Helper()
	needLab(t)
	defineDOIs(t)
	dir := t.TempDir()
	var table strings.Builder
	for n := shortestOption; n <= longestOption; n++ {
		fmt.Fprintf(&table, "%v %s zone=gray\n%v %[2]s zone=white\n", pop.address(n), mtuLabel(n), pat.address(n))
	}
	write(t, dir, map[string]string{
		"labelgate.toml": mtuConfig, "policy/netlabel.d/site": table.String(),
		fmt.Sprint("labels-", mtuDOI): mtuMappings(mtuDOI), fmt.Sprint("labels-", mtuOtherDOI): mtuMappings(mtuOtherDOI),
	})
	m := &mtuBench{
		Lab: startLab(t, "m", filepath.Join(dir, "labelgate.toml"), []lab.Host{
			host("tom", "10.1.0.2/16", "red", "", 0),
			host("una", "10.2.0.2/16", "blue", "", 0),
			host("hal", "10.3.0.2/16", "green", mtuLabel(shortestOption), mtuDOI),
			host("pop", "10.4.0.2/16", "gray", "", 0),
			host("rex", "10.5.0.2/17", "brown", "", 0),
			host("tess", "10.5.128.2/17", "", "", 0),
			host("rob", "10.6.0.2/17", "white", "", 0),
			host("pat", "10.6.128.2/17", "", "", 0),
		}),
		sinks: map[string]*sink{}, servers: map[string]*server{}, mtus: map[string]int{}, halLabel: shortestOption,
	}
	m.port.Store(20000)
	m.found.forget()
	for host, router := range mtuRouters {
		m.moveBehind(t, host, router)
	}
	for _, h := range m.Topology().Hosts {
		m.mtus[h.Name] = 1500
		m.sniff(t, h.Name, lab.HostInterface, h.Name)
		m.sniff(t, m.near(h.Name), h.Interface, h.Name)
	}
	for _, p := range mtuHosts() {
		m.addresses(t, p)
		m.listen(t, p)
	}
	return m
}

// near returns the node at the other end of a host's cable.
func (m *mtuBench) near(host string) string {
	if router := mtuRouters[host]; router != "" {
		return router
	}
	return lab.GatewayName
}

// handle opens a node's links and routes until the test ends.
func (m *mtuBench) handle(t *testing.T, node string) *netlink.Handle {
	t.Helper()
	h, err := netlink.NewHandleAt(m.namespace(t, node))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// moveBehind plugs the gateway's end of a host's cable into a router.
func (m *mtuBench) moveBehind(t *testing.T, host, router string) {
	t.Helper()
	h, r := m.Topology().Host(host), m.Topology().Host(router)
	gateway, further := m.handle(t, lab.GatewayName), m.handle(t, router)
	must(t, gateway.LinkSetNsFd(linkNamed(t, gateway, h.Interface), int(m.namespace(t, router))))
	end := linkNamed(t, further, h.Interface)
	must(t, further.AddrAdd(end, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(h.Gateway, h.Address.Bits()))}))
	must(t, further.LinkSetUp(end))
	must(t, gateway.RouteAdd(&netlink.Route{Dst: ipNet(h.Address.Masked()), Gw: r.Address.Addr().AsSlice()}))
	m.sysctl(t, router, "ip_forward", "1")
}

// addresses gives a host one address for each label, and lets its stack learn of
// any MTU that there can be.
func (m *mtuBench) addresses(t *testing.T, p party) {
	t.Helper()
	handle := m.handle(t, p.name)
	link := linkNamed(t, handle, lab.HostInterface)
	for n := shortestOption; n <= longestOption; n++ {
		must(t, handle.AddrAdd(link, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(p.address(n), m.Topology().Host(p.name).Address.Bits()))}))
	}
	m.sysctl(t, p.name, "route/min_pmtu", "68")
}

// sysctl sets what is below net/ipv4 on a node.
func (m *mtuBench) sysctl(t *testing.T, node, name, value string) {
	t.Helper()
	must(t, m.Do(node, func() error { return os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0) }))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}

// defineDOIs makes the domains known to the kernel, as on a machine whose hosts
// label their packets themselves.
func defineDOIs(t *testing.T) {
	t.Helper()
	r, err := kerneldoi.Sync([]cipso.DOI{cipso.DOI(mtuDOI), cipso.DOI(mtuOtherDOI)})
	switch {
	case err == nil:
		t.Cleanup(func() {
			if err := r.Release(); err != nil {
				t.Error(err)
			}
		})
	case errors.Is(err, kerneldoi.ErrNoNetLabel): // it looks at the shape of options only
	default:
		t.Skip("needs the initial network namespace: labels packets in the kernel: ", err)
	}
}
