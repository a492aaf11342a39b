package e2e

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"labelgate/internal/lab"
)

// network says how large packets may be on which part of the way.
type network struct {
	name   string
	links  map[string]int // cables by host; 1500 otherwise
	routes map[string]int // the gateway's routes by the host that they lead to
	behind map[string]int // the routes of the further routers, likewise
	dumb   bool           // rex passes packets on by a program that knows nothing of options
}

// link returns the MTU of a host's cable.
func (w *network) link(host string) int {
	if mtu := w.links[host]; mtu != 0 {
		return mtu
	}
	return 1500
}

// lesser returns the smaller of two MTUs of which 0 is none.
func lesser(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// hop is a place on the way where a packet can be too large.
type hop struct {
	by     netip.Addr // who says so
	mtu    int
	option int // bytes of options that the packet has there
}

// path lists the hops between two parties.
func (w *network) path(from, to party, n int) []hop {
	first := netip.AddrFrom4([4]byte{10, from.net, 0, 1})
	own := hop{from.first(), w.link(from.name), from.option(n)}
	if to.hop == "" {
		return []hop{own, {first, lesser(w.link(to.name), w.routes[to.name]), to.option(n)}}
	}
	return []hop{
		own, {first, lesser(w.link(to.hop), w.routes[to.name]), to.option(n)},
		{routerOf(to), lesser(w.link(to.name), w.behind[to.name]), to.option(n)},
	}
}

// refusals lists what a sender hears who begins with packets of some size and from
// then on sends as large ones as it was told, and the size that it ends with.
func (w *network) refusals(from, to party, n, size int) (all []hop, last int) {
	path := w.path(from, to, n)
	for i := 0; i < len(path); {
		grew := path[i].option - from.stack(n)
		if size+grew <= path[i].mtu {
			i++
			continue
		}
		// A packet that shrinks might be larger by that. It is told the MTU.
		size = path[i].mtu - max(grew, 0)
		all = append(all, hop{by: path[i].by, mtu: size})
		i = 0
	}
	return all, size
}

// segment returns the segment size that is offered on the last cable to a host in a
// SYN or its answer, which leaves its sender with another: what comes back must fit
// the links here with its option, and what the sender expects as well, who may have
// seen to a narrower link.
func (w *network) segment(from, to party, n, offered int) int {
	answers, grow := longestOption, 0 // whose label is not known
	if to.doi == 0 {
		answers, grow = from.option(n), from.option(n)
	}
	zone := func(p party) int {
		first := p.name
		if p.hop != "" {
			first = p.hop
		}
		return lesser(w.link(first), w.routes[p.name])
	}
	return min(offered-grow, min(zone(from), zone(to))-40-answers)
}

// arrange makes the network so until the test ends.
func (m *mtuBench) arrange(t *testing.T, w *network) {
	t.Helper()
	for _, h := range m.Topology().Hosts {
		if m.mtus[h.Name] != w.link(h.Name) {
			m.setMTU(t, h.Name, w.link(h.Name))
		}
	}
	for _, p := range mtuHosts() {
		if mtu := w.routes[p.name]; mtu != 0 {
			m.route(t, lab.GatewayName, p, mtu)
		}
		if mtu := w.behind[p.name]; mtu != 0 && !(w.dumb && p.hop == "rex") {
			m.route(t, p.hop, p, mtu)
		}
	}
	if w.dumb {
		m.passOn(t, w)
	}
	time.Sleep(100 * time.Millisecond) // labelgated hears of it as everybody does
	m.forget(t)
}

// route gives a node's route to a party's addresses an MTU of its own until the
// test ends.
func (m *mtuBench) route(t *testing.T, node string, to party, mtu int) {
	t.Helper()
	m.replaceRoute(t, node, to, mtu)
	t.Cleanup(func() {
		h, r := m.routeTo(t, node, to)
		defer h.Close()
		if err := h.RouteDel(r); err != nil {
			t.Error(err)
		}
	})
}

func (m *mtuBench) replaceRoute(t *testing.T, node string, to party, mtu int) {
	t.Helper()
	h, r := m.routeTo(t, node, to)
	defer h.Close()
	r.MTU = mtu
	must(t, h.RouteReplace(r))
}

// routeTo returns a route that leads where the node's own does, to fewer addresses.
func (m *mtuBench) routeTo(t *testing.T, node string, to party) (*netlink.Handle, *netlink.Route) {
	t.Helper()
	h, err := netlink.NewHandleAt(m.namespace(t, node))
	must(t, err)
	r := &netlink.Route{Dst: ipNet(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, to.net, to.high, 0}), 18))}
	switch {
	case node == to.name:
		r.Dst, r.Gw = ipNet(netip.MustParsePrefix("0.0.0.0/1")), m.Topology().Host(node).Gateway.AsSlice()
	case node == to.hop || to.hop == "":
		r.LinkIndex, r.Scope = linkNamed(t, h, m.Topology().Host(to.name).Interface).Attrs().Index, netlink.SCOPE_LINK
	default:
		r.Gw = m.Topology().Host(to.hop).Address.Addr().AsSlice()
	}
	return h, r
}

// setMTU changes both ends of a host's cable.
func (m *mtuBench) setMTU(t *testing.T, host string, mtu int) {
	t.Helper()
	m.mu.Lock()
	before := m.mtus[host]
	m.mtus[host] = max(before, mtu) // while both sizes may be on their way
	m.mu.Unlock()
	for _, end := range [][2]string{{host, lab.HostInterface}, {m.near(host), m.Topology().Host(host).Interface}} {
		h, err := netlink.NewHandleAt(m.namespace(t, end[0]))
		must(t, err)
		err = h.LinkSetMTU(linkNamed(t, h, end[1]), mtu)
		h.Close()
		must(t, err)
	}
	m.settle(t)
	m.mu.Lock()
	m.mtus[host] = mtu
	m.mu.Unlock()
}

// settle waits until all sniffers have seen what was on the cables.
func (m *mtuBench) settle(t *testing.T) {
	t.Helper()
	for _, s := range m.sniffers {
		if !s.settle() {
			t.Errorf("the sniffer of %s at %s has seen %d of %d frames", s.cable, s.node, s.seen.Load(), s.came)
		}
	}
}

// routerOf returns the address of the further router in front of a party.
func routerOf(p party) netip.Addr {
	if p.hop == "" {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte{10, p.net, 0, 2})
}

// forget has hosts and routers forget what they have learnt about paths: all of them
// when none is named.
func (m *mtuBench) forget(t *testing.T, hosts ...string) {
	t.Helper()
	if len(hosts) == 0 {
		hosts = m.Nodes()
	}
	for _, h := range hosts {
		m.sysctl(t, h, "route/flush", "1")
	}
}

func linkNamed(t testing.TB, h *netlink.Handle, name string) netlink.Link {
	t.Helper()
	link, err := h.LinkByName(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return link
}

func (m *mtuBench) namespace(t *testing.T, node string) netns.NsHandle {
	t.Helper()
	ns, err := m.Namespace(node)
	must(t, err)
	return ns
}

// mtuNetworks are the networks of the matrix.
func mtuNetworks() []network {
	all := []network{{name: "1500"}}
	for _, mtu := range []int{1400, 576} {
		narrow := func(what string, hosts ...string) network {
			w := network{name: fmt.Sprintf("%d %s", mtu, what), links: map[string]int{}}
			for _, h := range hosts {
				w.links[h] = mtu
			}
			return w
		}
		routes := network{name: fmt.Sprintf("%d by routes of the gateway", mtu), routes: map[string]int{}}
		for _, p := range mtuHosts() {
			routes.routes[p.name] = mtu
		}
		all = append(all,
			narrow("on one side", "tom", "hal", "tess", "pat"),
			narrow("on the other side", "pop", "una", "rex", "rob"),
			narrow("everywhere", "tom", "una", "hal", "pop", "rex", "tess", "rob", "pat"),
			routes,
		)
	}
	further := network{name: "1400 and then 576", links: map[string]int{"rex": 1400, "rob": 1400}, behind: map[string]int{"tess": 576, "pat": 576}}
	dumb := further
	dumb.name, dumb.dumb = "1400 and then 576, no labels known there", true
	return append(all, further, dumb)
}
