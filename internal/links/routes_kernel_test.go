package links

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestZoneMTUFollowsTheKernel(t *testing.T) {
	r := newRouter(t)
	w := r.watch(t)
	if !mtus(1500, 1500)(w.Table()) {
		t.Fatalf("MTUs %d and %d", w.Table().MTU(1), w.Table().MTU(2))
	}
	small := by(r.side, "10.0.0.0/8", sideHop)
	small.MTU = 1400
	r.must(t, r.h.RouteAdd(small))
	until(t, w, "route", mtus(1500, 1400))
	table := by(r.left, "10.0.0.0/8", "")
	table.MTU, table.Table, table.MTULock = 1380, 1000, true
	r.must(t, r.h.RouteAdd(table))
	until(t, w, "route of another table", mtus(1380, 1400))
	several := &netlink.Route{Dst: prefix("10.2.0.0/16"), MTU: 1300, MultiPath: []*netlink.NexthopInfo{
		{LinkIndex: r.left.Attrs().Index}, {LinkIndex: r.right.Attrs().Index},
	}}
	r.must(t, r.h.RouteAdd(several))
	until(t, w, "several next hops", mtus(1300, 1300))
	r.must(t, r.h.RouteDel(several))
	until(t, w, "route gone", mtus(1380, 1400))
	small.MTU = 0
	r.must(t, r.h.RouteReplace(small))
	until(t, w, "replaced", mtus(1380, 1500))
	small.MTU = 1350
	r.must(t, r.h.RouteReplace(small))
	until(t, w, "replaced again", mtus(1380, 1350))

	// The kernel does not say that a route went with its link.
	r.must(t, r.h.LinkSetDown(r.side))
	until(t, w, "link down", mtus(1380, 1500))
	r.must(t, r.h.LinkSetUp(r.side))
	r.must(t, r.h.RouteAdd(small))
	until(t, w, "route again", mtus(1380, 1350))
	r.must(t, r.h.LinkDel(r.side))
	until(t, w, "link gone", mtus(1380, 1500))

	// All that is there is read at the beginning.
	if late := r.watch(t); !mtus(1380, 1500)(late.Table()) {
		t.Errorf("MTUs %d and %d", late.Table().MTU(1), late.Table().MTU(2))
	}
}

// burst adds or removes routes to 10.x.y.z/32, the last of them with an MTU if it
// is not 0.
func (r *router) burst(t *testing.T, kind uint16, from, count int, mtu int) {
	t.Helper()
	talk, err := newTalk(r.ns, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer talk.close()
	r.burstBy(t, talk, kind, from, count, mtu)
}

func (r *router) burstBy(t *testing.T, talk *talk, kind uint16, from, count int, mtu int) {
	t.Helper()
	flags := uint16(0)
	if kind == unix.RTM_NEWROUTE {
		flags = unix.NLM_F_CREATE | unix.NLM_F_EXCL
	}
	for i := range count {
		body := []byte{unix.AF_INET, 32, 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RT_SCOPE_LINK, unix.RTN_UNICAST, 0, 0, 0, 0}
		body = append(body, attr(unix.RTA_DST, binary.BigEndian.AppendUint32(nil, uint32(10<<24+from+i)))...)
		body = append(body, attr(unix.RTA_OIF, r.right.Attrs().Index)...)
		if mtu != 0 && i == count-1 {
			body = append(body, attr(unix.RTA_METRICS, attr(unix.RTAX_MTU, mtu))...)
		}
		last := i == count-1
		f := flags
		if last {
			f |= unix.NLM_F_ACK
		}
		m := newRequest(kind, f, talk.next(), body...)
		if !last {
			if _, err := unix.Write(talk.fd, m.sealed()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := talk.ask(m, time.Now().Add(time.Second), func(header, []byte) {}); err != nil {
			t.Fatal(err)
		}
	}
}

// A routing daemon that comes or goes does not take the links away, and the MTU of
// the last route is known in the end.
func TestManyRoutes(t *testing.T) {
	r := newRouter(t)
	w := r.watch(t)
	drain(w)
	stop, checked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(checked)
		for {
			if !in(index(r.left), 1)(w.Table()) {
				t.Error("the links are lost")
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	r.burst(t, unix.RTM_NEWROUTE, 0, 20000, 1300)
	until(t, w, "last route", mtus(1500, 1300))
	r.burst(t, unix.RTM_DELROUTE, 0, 20000, 0)
	until(t, w, "no route", mtus(1500, 1500))
	close(stop)
	<-checked
}

// More notices than the socket holds are lost, which is said, and those after them
// are not.
func TestLostRoutes(t *testing.T) {
	r := newRouter(t)
	k, err := openKernel(int(r.ns))
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	s, err := k.subscribeRoutes()
	if err != nil {
		t.Fatal(err)
	}
	defer s.end()
	r.burst(t, unix.RTM_NEWROUTE, 0, 20000, 0)
	lost, heard := 0, 0
	count := func() {
		t.Helper()
		for {
			_, err := s.next(time.Now())
			switch {
			case err == nil:
				heard++
			case errors.Is(err, errLost):
				lost++
			case errors.Is(err, errQuiet):
				return
			default:
				t.Fatal(err)
			}
		}
	}
	count()
	if lost != 1 || heard == 0 || heard >= 20000 {
		t.Errorf("%d notices, %d times lost", heard, lost)
	}
	lost, heard = 0, 0
	r.burst(t, unix.RTM_DELROUTE, 0, 100, 0)
	count()
	if lost != 0 || heard != 100 {
		t.Errorf("then %d notices, %d times lost", heard, lost)
	}
	n := 0
	if err := k.routes(func(*route) { n++ }); err != nil || n < 19900 {
		t.Errorf("%d routes: %v", n, err)
	}
}
