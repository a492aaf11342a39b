package icmp

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// The gateway has an interface to each of two hosts, g0 to a and g1 to b, and
// reaches 203.0.113.0/24 by b.
const (
	gatewayA, hostA = "192.0.2.1", "192.0.2.2"
	gatewayB, hostB = "198.51.100.1", "198.51.100.2"
	behindB         = "203.0.113.9"
)

type lab struct {
	gateway, a, b netns.NsHandle
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: opens raw sockets and makes network namespaces")
	}
}

func newLab(t *testing.T) *lab {
	t.Helper()
	needRoot(t)
	l := &lab{newNamespace(t), newNamespace(t), newNamespace(t)}
	cable(t, l.gateway, "g0", gatewayA, l.a, "a0", hostA)
	cable(t, l.gateway, "g1", gatewayB, l.b, "b0", hostB)
	route(t, l.gateway, "203.0.113.0/24", hostB)
	route(t, l.a, "0.0.0.0/0", gatewayA)
	return l
}

// inside runs f on a thread in a namespace that ends with f. f must not end the
// test.
func inside(ns netns.NsHandle, f func() error) error {
	var err error
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		runtime.LockOSThread()
		if err = netns.Set(ns); err == nil {
			err = f()
		}
	}()
	wg.Wait()
	return err
}

// newNamespace makes a namespace that ends with the test.
func newNamespace(t *testing.T) netns.NsHandle {
	t.Helper()
	own, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	made := netns.None()
	if err := inside(own, func() (err error) { made, err = netns.New(); return err }); err != nil {
		t.Skipf("needs network namespaces: %v", err)
	}
	t.Cleanup(func() { made.Close() })
	return made
}

func cable(t *testing.T, a netns.NsHandle, an, ap string, b netns.NsHandle, bn, bp string) {
	t.Helper()
	h := handle(t, a)
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: an}, PeerName: bn, PeerNamespace: netlink.NsFd(b)}
	if err := h.LinkAdd(veth); err != nil {
		t.Fatal(err)
	}
	address24(t, h, an, ap)
	address24(t, handle(t, b), bn, bp)
}

func handle(t *testing.T, ns netns.NsHandle) *netlink.Handle {
	t.Helper()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func address24(t *testing.T, h *netlink.Handle, name, ip string) {
	t.Helper()
	link, err := h.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	a := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(ip), Mask: net.CIDRMask(24, 32)}}
	if err := errors.Join(h.AddrAdd(link, a), h.LinkSetUp(link)); err != nil {
		t.Fatal(err)
	}
}

func route(t *testing.T, ns netns.NsHandle, to, via string) {
	t.Helper()
	_, prefix, err := net.ParseCIDR(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := handle(t, ns).RouteAdd(&netlink.Route{Dst: prefix, Gw: net.ParseIP(via)}); err != nil {
		t.Fatal(err)
	}
}

// openIn opens a Sender in a namespace; the test's end closes it.
func openIn(t *testing.T, ns netns.NsHandle, c Config) *Sender {
	t.Helper()
	var s *Sender
	if err := inside(ns, func() (err error) { s, err = Open(c); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// wiretap returns what arrives by an interface, IPv4 packets with their headers.
func wiretap(t *testing.T, ns netns.NsHandle, name string) (next func() []byte) {
	t.Helper()
	const ipv4 = unix.ETH_P_IP>>8 | unix.ETH_P_IP&0xff<<8 // in network byte order
	link, err := handle(t, ns).LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	var fd int
	err = inside(ns, func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: ipv4, Ifindex: link.Attrs().Index}); err != nil {
		t.Fatal(err)
	}
	patience := unix.NsecToTimeval(int64(5 * time.Second))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		t.Fatal(err)
	}
	return func() []byte {
		t.Helper()
		buffer := make([]byte, 65535)
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		for err == unix.EINTR {
			n, _, err = unix.Recvfrom(fd, buffer, 0)
		}
		if err != nil {
			t.Fatalf("nothing arrives at %s: %v", name, err)
		}
		return buffer[:n]
	}
}
