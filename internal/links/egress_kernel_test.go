package links

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	leftHost  = "192.0.2.7"
	rightHost = "198.51.100.7"
	farHost   = "10.1.2.3"
	rightHop  = "198.51.100.1"
	sideHop   = "203.0.113.1"
)

// loopback stands for the loopback interface, whose index is 1 in any namespace.
var loopback = &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: 1}}

func TestEgressOfKernel(t *testing.T) {
	add := func(change func(*netlink.Route)) func(*testing.T, *router) {
		return func(t *testing.T, r *router) {
			t.Helper()
			route := by(r.right, "10.0.0.0/8", rightHop)
			change(route)
			r.must(t, r.h.RouteAdd(route))
		}
	}
	kind := func(kind int) func(*testing.T, *router) {
		return func(t *testing.T, r *router) {
			t.Helper()
			r.must(t, r.h.RouteAdd(&netlink.Route{Dst: prefix("10.0.0.0/8"), Type: kind}))
		}
	}
	byRule := func(t *testing.T, r *router) {
		t.Helper()
		rule := netlink.NewRule()
		rule.Family, rule.Src, rule.Table, rule.Priority = unix.AF_INET, prefix(leftHost+"/32"), 1000, 100
		r.must(t, r.h.RuleAdd(rule))
		other := by(r.side, "10.0.0.0/8", sideHop)
		other.Table, other.MTU = 1000, 1300
		r.must(t, r.h.RouteAdd(other))
		r.must(t, r.h.RouteAdd(by(r.right, "10.0.0.0/8", rightHop)))
	}
	left := func(r *router) uint32 { return index(r.left) }
	own := func(*router) uint32 { return 0 }
	right := func(r *router) netlink.Link { return r.right }
	side := func(r *router) netlink.Link { return r.side }
	loop := func(*router) netlink.Link { return loopback }
	none := func(*testing.T, *router) {}
	tests := []struct {
		name    string
		setup   func(*testing.T, *router)
		in      func(*router) uint32
		src     string
		dst     string
		out     func(*router) netlink.Link // nil when it does not leave
		mtu     int
		gateway string
	}{
		{"on link", none, left, leftHost, rightHost, right, 1500, ""},
		{"by a router", add(func(*netlink.Route) {}), left, leftHost, farHost, right, 1500, rightHop},
		{"by an IPv6 router", add(func(r *netlink.Route) {
			r.Gw, r.Via = nil, &netlink.Via{AddrFamily: unix.AF_INET6, Addr: net.ParseIP("fe80::1")}
		}), left, leftHost, farHost, right, 1500, "fe80::1"},
		{"MTU of the route", add(func(r *netlink.Route) { r.MTU = 1400 }), left, leftHost, farHost, right, 1400, rightHop},
		{"locked MTU", add(func(r *netlink.Route) { r.MTU, r.MTULock = 1400, true }), left, leftHost, farHost, right, 1400, rightHop},
		{"MTU above the link's", add(func(r *netlink.Route) { r.MTU = 9000 }), left, leftHost, farHost, right, 1500, rightHop},
		{"MTU of the link", func(t *testing.T, r *router) { t.Helper(); r.must(t, r.h.LinkSetMTU(r.right, 1280)) }, left, leftHost, rightHost, right, 1280, ""},
		{"rule for the source", byRule, left, leftHost, farHost, side, 1300, sideHop},
		{"rule for another", byRule, left, "192.0.2.8", farHost, right, 1500, rightHop},
		{"encapsulated in segments", add(func(r *netlink.Route) {
			r.Gw, r.Encap = nil, &netlink.SEG6Encap{Mode: 1, Segments: []net.IP{net.ParseIP("2001:db8::1")}}
		}), left, leftHost, farHost, nil, 0, ""},
		{"no route", none, left, leftHost, farHost, nil, 0, ""},
		{"unreachable", kind(unix.RTN_UNREACHABLE), left, leftHost, farHost, nil, 0, ""},
		{"prohibit", kind(unix.RTN_PROHIBIT), left, leftHost, farHost, nil, 0, ""},
		{"blackhole", kind(unix.RTN_BLACKHOLE), left, leftHost, farHost, nil, 0, ""},
		{"source on another link", func(t *testing.T, r *router) { t.Helper(); r.set(t, "conf/left/rp_filter", "1") }, left, rightHost, rightHost, nil, 0, ""},
		{"source of this machine", none, left, "192.0.2.254", rightHost, nil, 0, ""},
		{"source of everybody, which Linux forwards", none, left, "192.0.2.255", rightHost, right, 1500, ""},
		{"source of everybody, looked at", func(t *testing.T, r *router) { t.Helper(); r.set(t, "conf/left/rp_filter", "1") }, left, "192.0.2.255", rightHost, nil, 0, ""},
		{"for this machine", none, left, leftHost, "198.51.100.254", nil, 0, ""},
		{"for everybody", none, left, leftHost, "198.51.100.255", nil, 0, ""},
		{"for many", none, left, leftHost, "224.0.0.9", nil, 0, ""},
		{"does not forward", func(t *testing.T, r *router) { t.Helper(); r.set(t, "ip_forward", "0") }, left, leftHost, rightHost, nil, 0, ""},
		{"by no interface", none, func(*router) uint32 { return 4711 }, leftHost, rightHost, nil, 0, ""},
		{"own", none, own, "198.51.100.254", rightHost, right, 1500, ""},
		{"own, from another link's address", none, own, "192.0.2.254", rightHost, right, 1500, ""},
		{"own, no address yet", none, own, "0.0.0.0", rightHost, right, 1500, ""},
		{"own, from another's address", none, own, leftHost, rightHost, right, 1500, ""},
		{"own, MTU of the route", add(func(r *netlink.Route) { r.MTU = 1400 }), own, "198.51.100.254", farHost, right, 1400, rightHop},
		{"own, to itself", none, own, "198.51.100.254", "192.0.2.254", loop, 65535, ""},
		{"own, to everybody", none, own, "198.51.100.254", "198.51.100.255", right, 1500, ""},
		{"own, no route", none, own, "198.51.100.254", farHost, nil, 0, ""},
		{"own, prohibit", kind(unix.RTN_PROHIBIT), own, "198.51.100.254", farHost, nil, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRouter(t)
			tt.setup(t, r)
			w := r.watch(t)
			e, ok := w.Egress(tt.in(r), netip.MustParseAddr(tt.src), netip.MustParseAddr(tt.dst))
			if tt.out == nil {
				if ok {
					t.Errorf("%+v, want none", e)
				}
				return
			}
			want := Egress{Out: index(tt.out(r)), MTU: tt.mtu}
			if tt.gateway != "" {
				want.Gateway = netip.MustParseAddr(tt.gateway)
			}
			if !ok || e != want {
				t.Errorf("%+v %v, want %+v", e, ok, want)
			}
			if again, ok := w.Egress(tt.in(r), netip.MustParseAddr(tt.src), netip.MustParseAddr(tt.dst)); !ok || again != want {
				t.Errorf("then %+v %v", again, ok)
			}
		})
	}
}

// A change is seen at the next packet after its notice, not when an answer has
// become too old.
func TestEgressFollowsTheKernel(t *testing.T) {
	r := newRouter(t)
	backup := by(r.side, "10.0.0.0/8", sideHop)
	backup.Priority = 100
	r.must(t, r.h.RouteAdd(backup))
	w := r.watch(t)
	const gone = -1
	expect := func(what string, out netlink.Link, mtu int) {
		t.Helper()
		var e Egress
		var ok bool
		for deadline := time.Now().Add(answerTime / 2); ; time.Sleep(time.Millisecond) {
			e, ok = w.Egress(index(r.left), netip.MustParseAddr(leftHost), netip.MustParseAddr(farHost))
			if mtu == gone && !ok || ok && e.Out == index(out) && e.MTU == mtu {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v %v, want %d by %s", what, e, ok, mtu, out.Attrs().Name)
			}
		}
	}
	expect("at first", r.side, 1500)
	route := by(r.right, "10.0.0.0/8", rightHop)
	r.must(t, r.h.RouteAdd(route))
	expect("better route", r.right, 1500)
	route.MTU = 1400
	r.must(t, r.h.RouteReplace(route))
	expect("MTU of the route", r.right, 1400)
	r.must(t, r.h.LinkSetMTU(r.right, 1280))
	expect("MTU of the link", r.right, 1280)

	rule := netlink.NewRule()
	rule.Family, rule.Src, rule.Table, rule.Priority = unix.AF_INET, prefix(leftHost+"/32"), 1000, 100
	other := by(r.side, "10.0.0.0/8", sideHop)
	other.Table, other.MTU = 1000, 1300
	r.must(t, r.h.RouteAdd(other))
	r.must(t, r.h.RuleAdd(rule))
	expect("rule", r.side, 1300)
	r.must(t, r.h.RuleDel(rule))
	expect("no rule", r.right, 1280)

	r.must(t, r.h.LinkSetDown(r.right))
	expect("link down", r.side, 1500)
	r.must(t, r.h.LinkSetUp(r.right))
	r.must(t, r.h.RouteAdd(route))
	expect("link up", r.right, 1280)
	addresses, err := r.h.AddrList(r.right, unix.AF_INET)
	if err != nil || len(addresses) != 1 {
		t.Fatalf("addresses %v: %v", addresses, err)
	}
	r.must(t, r.h.AddrDel(r.right, &addresses[0]))
	expect("no address", r.side, 1500)
	r.set(t, "ip_forward", "0")
	expect("does not forward", r.side, gone)
	r.set(t, "ip_forward", "1")
	expect("forwards", r.side, 1500)
	r.must(t, r.h.LinkDel(r.side))
	expect("no link", r.side, gone)
}

// Next hops that are kept apart change without a word about their routes.
func TestEgressFollowsNextHops(t *testing.T) {
	r := newRouter(t)
	r.set(t, "nexthop_compat_mode", "0")
	object := func(flags uint16, l netlink.Link) {
		t.Helper()
		const id, oif = 1, 5
		body := []byte{unix.AF_INET, 0, 0, 0, 0, 0, 0, 0}
		body = append(body, attr(id, 9)...)
		r.tell(t, unix.RTM_NEWNEXTHOP, flags, append(body, attr(oif, l.Attrs().Index)...))
	}
	object(unix.NLM_F_CREATE, r.right)
	route := routeBody(unix.RTN_UNICAST, 0, attr(attributeObject, 9), attr(unix.RTA_METRICS, attr(unix.RTAX_MTU, 1400)))
	route[3] = 0 // for any type of service
	r.tell(t, unix.RTM_NEWROUTE, unix.NLM_F_CREATE, route)
	w := r.watch(t)
	ask := func() (Egress, bool) {
		return w.Egress(index(r.left), netip.MustParseAddr(leftHost), netip.MustParseAddr("10.0.0.1"))
	}
	if e, ok := ask(); !ok || e != (Egress{Out: index(r.right), MTU: 1400}) {
		t.Errorf("%+v %v", e, ok)
	}
	// The route does not say where it leads, so it counts everywhere.
	if !mtus(1400, 1400)(w.Table()) {
		t.Errorf("MTUs %d and %d", w.Table().MTU(1), w.Table().MTU(2))
	}
	object(unix.NLM_F_REPLACE, r.side)
	for deadline := time.Now().Add(answerTime / 2); ; time.Sleep(time.Millisecond) {
		if e, ok := ask(); ok && e.Out == index(r.side) {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%+v %v", e, ok)
		}
	}
	body := append([]byte{0, 0, 0, 0, 0, 0, 0, 0}, attr(1, 9)...)
	r.tell(t, unix.RTM_DELNEXTHOP, 0, body)
	until(t, w, "no next hop", mtus(1500, 1500))
}
