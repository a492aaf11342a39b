package links

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// host moves the other end of the router's left link into a namespace of its own,
// as leftHost, with room for large packets.
func (r *router) host(t *testing.T) netns.NsHandle {
	t.Helper()
	ns, h := emptyNamespace(t)
	peer, err := r.h.LinkByName("leftp")
	r.must(t, err)
	r.must(t, r.h.LinkSetNsFd(peer, int(ns)))
	r.must(t, r.h.LinkSetMTU(r.left, 9000))
	peer, err = h.LinkByName("leftp")
	r.must(t, err)
	r.must(t, h.LinkSetMTU(peer, 9000))
	address, err := netlink.ParseAddr(leftHost + "/24")
	r.must(t, err)
	r.must(t, h.AddrAdd(peer, address))
	r.must(t, h.LinkSetUp(peer))
	r.must(t, h.RouteAdd(by(peer, "0.0.0.0/0", "192.0.2.254")))
	return ns
}

// refused sends a packet that is larger than anything to farHost, and returns the
// MTU in the kernel's answer: what it forwards by.
func refused(t *testing.T, ns netns.NsHandle) int {
	t.Helper()
	fd := -1
	err := within(ns, func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	far := &unix.SockaddrInet4{Port: 9, Addr: netip.MustParseAddr(farHost).As4()}
	if err := errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE),
		unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_RECVERR, 1),
		unix.Connect(fd, far),
	); err != nil {
		t.Fatal(err)
	}
	control := make([]byte, 512)
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); {
		_, _ = unix.Write(fd, make([]byte, 8000)) // an error of the packet before
		time.Sleep(5 * time.Millisecond)
		_, n, _, _, err := unix.Recvmsg(fd, nil, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err != nil {
			continue
		}
		all, err := unix.ParseSocketControlMessage(control[:n])
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_RECVERR && number(m.Data) == uint32(unix.EMSGSIZE) {
				return int(number(m.Data[8:]))
			}
		}
	}
	t.Fatal("the router does not refuse the packet")
	return 0
}

// teach has the router learn an MTU of the path to farHost: somebody says that an
// echo reply of the router's was too large. For those the kernel does not check
// that it sent any.
func (r *router) teach(t *testing.T, ns netns.NsHandle, mtu int) {
	t.Helper()
	router, far := netip.MustParseAddr("198.51.100.254").As4(), netip.MustParseAddr(farHost).As4()
	m := []byte{3, 4, 0, 0, 0, 0, byte(mtu >> 8), byte(mtu)}
	m = append(m, 0x45, 0, 8, 0, 0, 0, 0x40, 0, 64, unix.IPPROTO_ICMP, 0, 0)
	m = append(append(m, router[:]...), far[:]...)
	m = append(m, 0, 0, 0, 0, 0, 1, 0, 1)
	sum := uint32(0)
	for i := 0; i < len(m); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(m[i:]))
	}
	binary.BigEndian.PutUint16(m[2:], ^uint16(sum+sum>>16))
	err := within(ns, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, m, 0, &unix.SockaddrInet4{Addr: router})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The MTU is what the kernel itself forwards by, which it says when it refuses a
// packet. What it has learnt about the path is another thing: anybody may have
// taught it that.
func TestMTUIsWhatTheKernelForwardsBy(t *testing.T) {
	const nothing = 0
	tests := []struct {
		name   string
		change func(*netlink.Route)
		learnt int
		use    string // ip_forward_use_pmtu
		want   int
		own    int // for the machine's own packets
	}{
		{"link", func(*netlink.Route) {}, nothing, "0", 1500, 1500},
		{"route", func(r *netlink.Route) { r.MTU = 1400 }, nothing, "0", 1400, 1400},
		{"locked", func(r *netlink.Route) { r.MTU, r.MTULock = 1400, true }, nothing, "0", 1400, 1400},
		{"learnt", func(*netlink.Route) {}, 1300, "0", 1500, 1300},
		{"learnt, and route", func(r *netlink.Route) { r.MTU = 1400 }, 1300, "0", 1400, 1300},
		{"learnt, and used", func(r *netlink.Route) { r.MTU = 1400 }, 1300, "1", 1300, 1300},
		{"not learnt, but would be used", func(r *netlink.Route) { r.MTU = 1400 }, nothing, "1", 1400, 1400},
		{"learnt too little", func(r *netlink.Route) { r.MTU = 1400 }, 300, "0", 552, 552},
		{"locked against learning", func(r *netlink.Route) { r.MTU, r.MTULock = 1400, true }, 1300, "1", 1400, 1400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRouter(t)
			host := r.host(t)
			r.set(t, "ip_forward_use_pmtu", tt.use)
			route := by(r.right, "10.0.0.0/8", rightHop)
			tt.change(route)
			r.must(t, r.h.RouteAdd(route))
			w := r.watch(t)
			src, dst, own := netip.MustParseAddr(leftHost), netip.MustParseAddr(farHost), netip.MustParseAddr("198.51.100.254")
			if tt.learnt != nothing {
				r.teach(t, host, tt.learnt)
				for deadline := time.Now().Add(3 * time.Second); ; time.Sleep(time.Millisecond) {
					if y, err := w.kernel.lookup(question{0, own.As4(), dst.As4()}, true); err == nil && y.mtu == tt.own {
						break
					} else if time.Now().After(deadline) {
						t.Fatalf("nothing was learnt: %+v %v", y, err)
					}
				}
			}
			if e, ok := w.Egress(index(r.left), src, dst); !ok || e.MTU != tt.want || e.Out != index(r.right) {
				t.Errorf("%+v %v, want MTU %d", e, ok, tt.want)
			}
			if e, ok := w.Egress(0, own, dst); !ok || e.MTU != tt.own {
				t.Errorf("own: %+v %v, want MTU %d", e, ok, tt.own)
			}
			if mtu := refused(t, host); mtu != tt.want {
				t.Errorf("the kernel forwards by %d, want %d", mtu, tt.want)
			}
		})
	}
}
