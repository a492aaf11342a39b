package e2e

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"labelgate/internal/lab"
	"labelgate/test/figures"
)

// news is what a socket is told of a datagram that it sent.
type news struct {
	errno      unix.Errno // 0: nothing
	kind, code byte
	info       uint32 // MTU or pointer
	offender   netip.Addr
}

// attempt is a datagram from a connected socket.
type attempt struct {
	port     uint16 // own, 0 for any
	ttl      int    // 0 for the usual one
	size     int
	dontFrag bool
	// unanswered says that nothing is expected.
	unanswered bool
	// instead, when not nil, sends in its place, given the socket's own address.
	instead func(from netip.AddrPort) error
}

// ask sends a datagram from a node and waits for what its socket is told.
func (e *errorsBench) ask(t *testing.T, node string, to netip.AddrPort, a attempt) (n news) {
	t.Helper()
	err := e.Do(node, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		discover := unix.IP_PMTUDISC_DONT
		if a.dontFrag {
			discover = unix.IP_PMTUDISC_PROBE // as large as it is asked for, whatever was learned
		}
		patience := unix.NsecToTimeval(int64(1500 * time.Millisecond))
		if a.unanswered {
			patience = unix.NsecToTimeval(int64(100 * time.Millisecond))
		}
		if err := errors.Join(
			unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1),
			unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, discover),
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
			unix.Bind(fd, &unix.SockaddrInet4{Port: int(a.port)}),
			unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}),
		); err != nil {
			return err
		}
		if a.ttl != 0 {
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, a.ttl); err != nil {
				return err
			}
		}
		if a.instead != nil {
			own, err := unix.Getsockname(fd)
			if err != nil {
				return err
			}
			from := own.(*unix.SockaddrInet4)
			err = a.instead(netip.AddrPortFrom(netip.AddrFrom4(from.Addr), uint16(from.Port)))
			if err != nil {
				return err
			}
		} else if _, err := unix.Write(fd, make([]byte, max(a.size, 32))); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		_, err = unix.Read(fd, make([]byte, 16))
		for err == unix.EINTR {
			_, err = unix.Read(fd, make([]byte, 16))
		}
		if !errors.As(err, &n.errno) || n.errno == unix.EAGAIN {
			n.errno = 0
			return nil
		}
		control := make([]byte, 512)
		_, cn, _, _, err := unix.Recvmsg(fd, make([]byte, 2048), control, unix.MSG_ERRQUEUE)
		if err != nil {
			return fmt.Errorf("error queue after %v: %w", n.errno, err)
		}
		messages, err := unix.ParseSocketControlMessage(control[:cn])
		if err != nil {
			return err
		}
		for _, m := range messages {
			// struct sock_extended_err, and behind it the address of who reported.
			if m.Header.Level != unix.IPPROTO_IP || m.Header.Type != unix.IP_RECVERR || len(m.Data) < 16+8 {
				continue
			}
			n.kind, n.code, n.info = m.Data[5], m.Data[6], binary.NativeEndian.Uint32(m.Data[8:])
			n.offender = netip.AddrFrom4([4]byte(m.Data[20:24]))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// sockets: the programs of all kinds of hosts learn what became of their datagrams.
func (e *errorsBench) sockets(t *testing.T) {
	at := func(node, peer string, port uint16) netip.AddrPort {
		return netip.AddrPortFrom(e.address(t, node, peer), port)
	}
	gateway := func(peer string) netip.Addr { return e.address(t, lab.GatewayName, peer) }
	const closed = 9
	wrong, asked := 0, 0
	for _, tt := range []struct {
		name    string
		node    string
		to      netip.AddrPort
		attempt attempt
		kernel  bool // the node's own must know the domains
		want    news
	}{
		{name: "labeled, no rule", node: "alice", to: at("sec", "alice", inboxPort), want: news{unix.ENETUNREACH, 3, 9, 0, gateway("alice")}},
		{name: "labeled, large, no rule", node: "alice", to: at("sec", "alice", inboxPort), attempt: attempt{size: 1400}, want: news{unix.ENETUNREACH, 3, 9, 0, gateway("alice")}},
		{name: "labeled, port of the gateway", node: "alice", to: at(lab.GatewayName, "alice", closed), want: news{unix.ECONNREFUSED, 3, 3, 0, gateway("alice")}},
		{name: "labeled, port of an unlabeled host", node: "alice", to: at("pop", "alice", closed), want: news{unix.ECONNREFUSED, 3, 3, 0, e.address(t, "pop", "alice")}},
		{name: "labeled, too large for an unlabeled host", node: "alice", to: at("gray2", "alice", closed), attempt: attempt{size: 1450, dontFrag: true}, want: news{unix.EMSGSIZE, 3, 4, narrow, gateway("alice")}},
		{name: "unlabeled, port of a labeled host", node: "pop", to: at("alice", "pop", closed), want: news{unix.ECONNREFUSED, 3, 3, 0, e.address(t, "alice", "pop")}},
		{name: "unlabeled, port of the gateway", node: "pop", to: at(lab.GatewayName, "pop", closed), want: news{unix.ECONNREFUSED, 3, 3, 0, gateway("pop")}},
		{name: "unlabeled, too large with its label", node: "pop", to: at("alice", "pop", closed), attempt: attempt{size: 1472, dontFrag: true}, want: news{unix.EMSGSIZE, 3, 4, 1484, gateway("pop")}},
		{name: "unlabeled, largest that fits with its label", node: "pop", to: at("alice", "pop", closed), attempt: attempt{size: 1484 - 28, dontFrag: true}, want: news{unix.ECONNREFUSED, 3, 3, 0, e.address(t, "alice", "pop")}},
		{name: "unlabeled, denied", node: "sec", to: at("pop", "sec", inboxPort), attempt: attempt{unanswered: true}, want: news{}},
		{name: "unlabeled in an accepting zone, too large with a label", node: "gsock", to: at("alice", "gsock", closed), attempt: attempt{size: 1472, dontFrag: true}, want: news{unix.EMSGSIZE, 3, 4, 1488, gateway("gsock")}},
		{name: "unlabeled in an accepting zone, denied", node: "gsock", to: at("sec", "gsock", inboxPort), attempt: attempt{unanswered: true}, want: news{}},
		{name: "no label where one is required", node: "rtr", to: at("pop", "rtr", inboxPort), kernel: true, want: news{unix.EPROTO, 12, 1, cipsoType, gateway("rtr")}},
		{name: "malformed label", node: "rtr", to: at("pop", "rtr", inboxPort), kernel: true, attempt: e.malformed(t, "rtr", "pop"), want: news{unix.EPROTO, 12, 0, 27, gateway("rtr")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.kernel {
				tellKernel(t)
			}
			asked++
			if got := e.ask(t, tt.node, tt.to, tt.attempt); got != tt.want {
				wrong++
				t.Errorf("told %+v, want %+v", got, tt.want)
			}
		})
	}
	t.Run("to the gateway, no rule", func(t *testing.T) {
		setLabel(t, e.Lab, "alice", "Bar")
		defer setLabel(t, e.Lab, "alice", "Foo")
		asked++
		if got, want := e.ask(t, "alice", at(lab.GatewayName, "alice", closed), attempt{}), (news{unix.EHOSTUNREACH, 3, 10, 0, gateway("alice")}); got != want {
			wrong++
			t.Errorf("told %+v, want %+v", got, want)
		}
	})
	t.Run("connection, no rule", func(t *testing.T) {
		var failed error
		begun := time.Now()
		err := e.Do("alice", func() error {
			d := net.Dialer{Timeout: 3 * time.Second}
			c, err := d.Dial("tcp4", at("sec", "alice", inboxPort).String())
			if err == nil {
				c.Close()
			}
			failed = err
			return nil
		})
		if asked++; err != nil || !errors.Is(failed, unix.ENETUNREACH) {
			wrong++
			t.Errorf("%v, %v after %v", err, failed, time.Since(begun))
		}
	})
	report(t,
		figures.Figure{ID: "e2e/errors/sockets/asked", Value: float64(asked), Unit: "datagrams"}.AtLeast(14),
		figures.Figure{ID: "e2e/errors/sockets/wrong", Value: float64(wrong), Unit: "datagrams"}.AtMost(0),
	)
}

// malformed sends, past a socket, a packet of its own whose label has a fault.
func (e *errorsBench) malformed(t *testing.T, node, to string) attempt {
	dst := e.address(t, to, node)
	options := e.area(t, "860c R 0103 00fa 2080")
	return attempt{instead: func(from netip.AddrPort) error {
		h := header{src: from.Addr(), dst: dst, proto: protoUDP, options: options, body: udp(from.Port(), inboxPort, make([]byte, 32))}
		return e.SendRaw(node, h.bytes())
	}}
}

// behind puts a host behind a router of the lab. It ends with the test.
func (e *errorsBench) behind(t *testing.T, router string, network netip.Prefix) (host netip.Addr) {
	t.Helper()
	fail := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatalf("network behind %s: %v", router, err)
		}
	}
	inner := netns.None()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with the namespace that it is in
		var err error
		inner, err = netns.New()
		done <- err
	}()
	fail(<-done)
	t.Cleanup(func() { inner.Close() })

	near := network.Addr().Next()
	host = near.Next()
	ns, err := e.Namespace(router)
	fail(err)
	here, err := netlink.NewHandleAt(ns)
	fail(err)
	defer here.Close()
	there, err := netlink.NewHandleAt(inner)
	fail(err)
	defer there.Close()
	fail(here.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "inner"}, PeerName: lab.HostInterface, PeerNamespace: netlink.NsFd(inner)}))
	for _, end := range []struct {
		h    *netlink.Handle
		name string
		a    netip.Addr
	}{{here, "inner", near}, {there, lab.HostInterface, host}} {
		link, err := end.h.LinkByName(end.name)
		fail(err)
		fail(end.h.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: end.a.AsSlice(), Mask: net.CIDRMask(network.Bits(), 32)}}))
		fail(end.h.LinkSetUp(link))
	}
	fail(there.RouteAdd(&netlink.Route{Dst: &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}, Gw: near.AsSlice()}))
	e.sysctl(t, router, "ip_forward", "1")
	e.routes(t, map[string]string{network.String(): router})
	return host
}

// traceroute: each router on the way, the gateway among them, shows itself to
// labeled and unlabeled hosts whose datagrams the policy lets pass.
func (e *errorsBench) traceroute(t *testing.T) {
	tellKernel(t) // the routers are plain machines
	deep := e.behind(t, "rtr", netip.MustParsePrefix("10.1.200.0/24"))
	gdeep := e.behind(t, "grtr", netip.MustParsePrefix("10.4.200.0/24"))
	cables := e.watch(t, "pop", "grtr")
	runs, hops, lost := 0, 0, 0
	for _, tt := range []struct {
		from, router string
		to           netip.Addr
	}{
		{"alice", "grtr", gdeep}, {"alice", "rtr", deep}, {"pop", "rtr", deep}, {"pop", "grtr", gdeep},
	} {
		t.Run(tt.from+" by "+tt.router, func(t *testing.T) {
			runs++
			for ttl, want := range []news{
				{unix.EHOSTUNREACH, 11, 0, 0, e.address(t, lab.GatewayName, tt.from)},
				{unix.EHOSTUNREACH, 11, 0, 0, e.address(t, tt.router, tt.from)},
				{unix.ECONNREFUSED, 3, 3, 0, tt.to},
			} {
				hops++
				got := e.ask(t, tt.from, netip.AddrPortFrom(tt.to, 33434+uint16(ttl)), attempt{ttl: ttl + 1})
				if got != want {
					lost++
					t.Errorf("hop %d: %+v, want %+v", ttl+1, got, want)
				}
			}
		})
	}
	stop(t, cables)
	seen := 0
	for _, h := range []string{"pop", "grtr"} {
		o, i := leaks(cables[h], "", false)
		if seen += len(o) + len(i); len(o)+len(i) > 0 {
			t.Errorf("labels at %s: %q %q", h, o, i)
		}
	}
	report(t,
		figures.Figure{ID: "e2e/errors/traceroute/runs", Value: float64(runs), Unit: "runs"}.AtLeast(4),
		figures.Figure{ID: "e2e/errors/traceroute/hops", Value: float64(hops), Unit: "hops"}.AtLeast(12),
		figures.Figure{ID: "e2e/errors/traceroute/hops-that-stay-hidden", Value: float64(lost), Unit: "hops"}.AtMost(0),
		figures.Figure{ID: "e2e/errors/traceroute/labels-on-unlabeled-cables", Value: float64(seen), Unit: "options"}.AtMost(0),
	)
}
