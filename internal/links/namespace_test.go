package links

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// router is a namespace that forwards between its interfaces.
type router struct {
	ns                netns.NsHandle
	h                 *netlink.Handle
	left, right, side netlink.Link
}

// Where the router's own addresses are 192.0.2.254, 198.51.100.254 and
// 203.0.113.254.
func newRouter(t *testing.T) *router {
	t.Helper()
	ns, h := emptyNamespace(t)
	r := &router{ns: ns, h: h}
	lo, err := h.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	r.must(t, h.LinkSetUp(lo))
	r.left, r.right, r.side = r.port(t, "left", "192.0.2.254/24"), r.port(t, "right", "198.51.100.254/24"), r.port(t, "side", "203.0.113.254/24")
	r.set(t, "ip_forward", "1")
	r.set(t, "conf/all/rp_filter", "0")
	return r
}

func (r *router) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// port adds an interface whose other end is up too.
func (r *router) port(t *testing.T, name, address string) netlink.Link {
	t.Helper()
	l := addDummy(t, r.h, name, 0)
	peer, err := r.h.LinkByName(name + "p")
	if err != nil {
		t.Fatal(err)
	}
	a, err := netlink.ParseAddr(address)
	if err != nil {
		t.Fatal(err)
	}
	r.must(t, r.h.AddrAdd(l, a))
	r.must(t, r.h.LinkSetUp(l))
	r.must(t, r.h.LinkSetUp(peer))
	r.set(t, "conf/"+name+"/rp_filter", "0")
	return l
}

// set sets a setting of net.ipv4.
func (r *router) set(t *testing.T, name, value string) {
	t.Helper()
	if err := within(r.ns, func() error { return os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0o644) }); err != nil {
		t.Skipf("needs a /proc that can be written: %v", err)
	}
}

func (r *router) watch(t *testing.T) *Watcher {
	t.Helper()
	w, err := Watch(Config{NetNS: int(r.ns), Zones: [][]string{{"left"}, {"right", "side"}}, Errorf: t.Errorf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func prefix(s string) *net.IPNet {
	_, n, err := net.ParseCIDR(s)
	if err != nil {
		panic(err)
	}
	return n
}

// by is a route to a prefix by an interface and a next hop, which may be empty.
func by(l netlink.Link, to, gateway string) *netlink.Route {
	return &netlink.Route{LinkIndex: l.Attrs().Index, Dst: prefix(to), Gw: net.ParseIP(gateway)}
}

// tell sends rtnetlink a message that the library does not know.
func (r *router) tell(t *testing.T, kind, flags uint16, body []byte) {
	t.Helper()
	talk, err := newTalk(r.ns, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer talk.close()
	m := newRequest(kind, unix.NLM_F_ACK|flags, talk.next(), body...)
	if err := talk.ask(m, time.Now().Add(time.Second), func(header, []byte) {}); err != nil {
		t.Fatalf("message %d: %v", kind, err)
	}
}
