package nft_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

// lab is three namespaces in a row: source, gateway, destination. The gateway
// forwards; g0 is in zone 1, g1 in zone 2.
type lab struct {
	t            *testing.T
	src, gw, dst netns.NsHandle
	plan         nft.Plan
}

const (
	srcIP, gwSrcIP = "10.91.1.2", "10.91.1.1"
	dstIP, gwDstIP = "10.91.2.2", "10.91.2.1"
	testPort       = 9000
	testQueue      = 77
	testTable      = "labelgate_test"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := newUnwiredLab(t)
	l.wire()
	return l
}

// newUnwiredLab is a lab whose namespaces have no interface but lo yet.
func newUnwiredLab(t *testing.T) *lab {
	t.Helper()
	needRoot(t)
	l := &lab{t: t, src: newNamespace(t), gw: newNamespace(t), dst: newNamespace(t)}
	l.plan = nft.Plan{
		Table: testTable, Queue: testQueue, NetNS: int(l.gw),
		Zones: []nft.Zone{{Index: 1, Name: "src", Interfaces: []string{"g0"}}, {Index: 2, Name: "dst", Interfaces: []string{"g1"}}},
	}
	return l
}

func (l *lab) wire() {
	l.t.Helper()
	l.cable(l.src, "s0", srcIP, "fd91:1::2", l.gw, "g0", gwSrcIP, "fd91:1::1")
	l.cable(l.dst, "d0", dstIP, "fd91:2::2", l.gw, "g1", gwDstIP, "fd91:2::1")
	l.route(l.src, gwSrcIP, "fd91:1::1")
	l.route(l.dst, gwDstIP, "fd91:2::1")
	l.inside(l.gw, func() {
		for _, f := range []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"} {
			if err := os.WriteFile(f, []byte("1"), 0); err != nil {
				l.t.Fatal(err)
			}
		}
	})
}

// newNamespace makes a namespace that ends with the test.
func newNamespace(t testing.TB) netns.NsHandle {
	t.Helper()
	var made netns.NsHandle
	var err error
	onThread(func() {
		var own netns.NsHandle
		if own, err = netns.Get(); err != nil {
			return
		}
		defer own.Close()
		if made, err = netns.New(); err != nil {
			return
		}
		err = netns.Set(own)
	})
	if err != nil {
		t.Skipf("needs network namespaces: %v", err)
	}
	t.Cleanup(func() { made.Close() })
	h, err := netlink.NewHandleAt(made)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.LinkSetUp(lo); err != nil {
		t.Fatal(err)
	}
	return made
}

// onThread runs f on a thread of its own; if f leaves the thread in another
// namespace, it ends there.
func onThread(f func()) {
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		runtime.LockOSThread()
		f()
	}()
	wg.Wait()
}

// inside runs f in a namespace. f must not end the test.
func (l *lab) inside(ns netns.NsHandle, f func()) {
	l.t.Helper()
	var err error
	onThread(func() {
		if err = netns.Set(ns); err == nil {
			f()
		}
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) cable(a netns.NsHandle, an, a4, a6 string, b netns.NsHandle, bn, b4, b6 string) {
	t := l.t
	t.Helper()
	h, err := netlink.NewHandleAt(a)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: an}, PeerName: bn, PeerNamespace: netlink.NsFd(b)}
	if err := h.LinkAdd(veth); err != nil {
		t.Fatal(err)
	}
	l.address(a, an, a4, a6)
	l.address(b, bn, b4, b6)
}

func (l *lab) address(ns netns.NsHandle, name string, ips ...string) {
	t := l.t
	t.Helper()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	link, err := h.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range ips {
		ip := net.ParseIP(s)
		a := &netlink.Addr{IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(64, 128)}, Flags: unix.IFA_F_NODAD}
		if v4 := ip.To4(); v4 != nil {
			a = &netlink.Addr{IPNet: &net.IPNet{IP: v4, Mask: net.CIDRMask(24, 32)}}
		}
		if err := h.AddrAdd(link, a); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.LinkSetUp(link); err != nil {
		t.Fatal(err)
	}
}

func (l *lab) route(ns netns.NsHandle, gateways ...string) {
	t := l.t
	t.Helper()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, g := range gateways {
		all := &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
		if net.ParseIP(g).To4() != nil {
			all = &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
		}
		if err := h.RouteAdd(&netlink.Route{Dst: all, Gw: net.ParseIP(g)}); err != nil {
			t.Fatal(err)
		}
	}
}

// install puts the rules of the lab's plan in place.
func (l *lab) install() {
	l.t.Helper()
	r, err := nft.Install(l.plan)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Logf("backend %v", r.Backend)
}

// handlerFunc judges one packet at a time.
type handlerFunc func(*queue.Packet, *queue.Verdict)

func (f handlerFunc) Handle(ps []queue.Packet, vs []queue.Verdict) {
	for i := range ps {
		f(&ps[i], &vs[i])
	}
}

// listen runs a queue in the gateway until the test ends or stop is called.
func (l *lab) listen(h handlerFunc) (q *queue.Queue, stop func()) {
	l.t.Helper()
	q, err := queue.Open(queue.Config{Number: testQueue, NetNS: int(l.gw), Errorf: l.t.Logf})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx, h) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				l.t.Errorf("Run: %v", err)
			}
		case <-time.After(5 * time.Second):
			l.t.Error("Run did not end")
		}
	})
	l.t.Cleanup(stop)
	return q, stop
}

// udp opens a socket in a namespace.
func (l *lab) udp(ns netns.NsHandle, ip string, port int) *net.UDPConn {
	l.t.Helper()
	var c *net.UDPConn
	var err error
	l.inside(ns, func() { c, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip), Port: port}) })
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
}

func to(ip string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(ip), testPort) }

// How long to wait for a datagram: for one that shall come as long as a busy
// machine may take, for one that shall not as long as one that is idle does.
const (
	patience = 5 * time.Second
	soon     = 300 * time.Millisecond
)

// passes sends one datagram and reports whether it arrives at receiver in time.
func passes(t *testing.T, sender, receiver *net.UDPConn, dst, text string, within time.Duration) bool {
	t.Helper()
	if _, err := sender.WriteToUDPAddrPort([]byte(text), to(dst)); err != nil {
		t.Fatal(err)
	}
	return arrives(t, receiver, text, within)
}

func arrives(t *testing.T, receiver *net.UDPConn, text string, within time.Duration) bool {
	t.Helper()
	b := make([]byte, 2000)
	if err := receiver.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	for {
		n, _, err := receiver.ReadFromUDPAddrPort(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		if string(b[:n]) == text {
			return true
		}
	}
}

// sendRaw sends a packet, header and all, from the source namespace.
func (l *lab) sendRaw(packet []byte) {
	l.t.Helper()
	var err error
	l.inside(l.src, func() {
		var fd int
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW); err != nil {
			return
		}
		defer unix.Close(fd)
		to := unix.SockaddrInet4{Addr: [4]byte(packet[16:20])}
		err = unix.Sendto(fd, packet, 0, &to)
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// udpPacket builds a UDP packet by hand, without a UDP checksum.
func udpPacket(dst string, options, data []byte) []byte {
	header := 20 + len(options)
	b := make([]byte, header+8+len(data))
	b[0] = byte(4<<4 | header/4)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	b[8], b[9] = 64, unix.IPPROTO_UDP
	copy(b[12:], net.ParseIP(srcIP).To4())
	copy(b[16:], net.ParseIP(dst).To4())
	copy(b[20:], options)
	binary.BigEndian.PutUint16(b[10:], checksum(b[:header]))
	u := b[header:]
	binary.BigEndian.PutUint16(u, testPort)
	binary.BigEndian.PutUint16(u[2:], testPort)
	binary.BigEndian.PutUint16(u[4:], uint16(len(u)))
	copy(u[8:], data)
	return b
}

// withOptions gives a packet other options, none for nil.
func withOptions(packet, options []byte) []byte {
	old := int(packet[0]&15) * 4
	out := append(append(append([]byte{}, packet[:20]...), options...), packet[old:]...)
	header := 20 + len(options)
	out[0] = byte(4<<4 | header/4)
	binary.BigEndian.PutUint16(out[2:], uint16(len(out)))
	out[10], out[11] = 0, 0
	binary.BigEndian.PutUint16(out[10:], checksum(out[:header]))
	return out
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// within waits for what comes through c.
func within[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
	}
	return v
}

func ip4(s string) []byte { a := netip.MustParseAddr(s).As4(); return a[:] }

func address(b []byte) string { return netip.AddrFrom4([4]byte(b)).String() }
