package nft_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"labelgate/internal/nft"
)

// bigEndian spells 16-bit numbers as they stand in a frame.
func bigEndian(vs ...uint16) []byte {
	var b []byte
	for _, v := range vs {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

// packetSocket opens a socket for the frames of an interface that the kernel takes
// for this protocol. Unless it is for all protocols, it is behind ingress.
func (l *lab) packetSocket(ns netns.NsHandle, device string, protocol uint16) int {
	l.t.Helper()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		l.t.Fatal(err)
	}
	defer h.Close()
	link, err := h.LinkByName(device)
	if err != nil {
		l.t.Fatal(err)
	}
	var fd int
	l.inside(ns, func() {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err == nil {
			err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: binary.NativeEndian.Uint16(bigEndian(protocol)), Ifindex: link.Attrs().Index})
		}
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// hears reports whether a frame that holds text comes through a packet socket.
func hears(t *testing.T, fd int, text string, wait time.Duration) bool {
	t.Helper()
	b := make([]byte, 2000)
	for deadline := time.Now().Add(wait); ; {
		n, err := unix.Read(fd, b)
		switch {
		case err == nil && bytes.Contains(b[:n], []byte(text)):
			return true
		case err == nil:
			continue
		case !errors.Is(err, unix.EAGAIN):
			t.Fatal(err)
		}
		left := time.Until(deadline)
		if left <= 0 {
			return false
		}
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1); err != nil && !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
}

const (
	protocol8022 = 0x0004 // the kernel's name for frames with a length
	mpls         = 0x8847
	experimental = 0x88b5
	lldp         = 0x88cc
)

// frameTests are frames by what stands behind the addresses, and the protocol that
// the kernel takes what they enclose for.
var frameTests = []struct {
	name     string
	header   []byte
	protocol uint16
	passes   bool // where nothing is admitted
	tagged   bool // passes where 802.1Q is admitted
	double   bool // passes where 802.1ad is admitted
	others   bool // passes where MPLS and LLDP are admitted
}{
	{"IPv4", bigEndian(unix.ETH_P_IP), unix.ETH_P_IP, true, true, true, true},
	{"ARP", bigEndian(unix.ETH_P_ARP), unix.ETH_P_ARP, true, true, true, true},
	{"IPv6", bigEndian(unix.ETH_P_IPV6), unix.ETH_P_IPV6, true, true, true, true},
	{"MPLS", bigEndian(mpls), mpls, false, false, false, true},
	{"MPLS multicast", bigEndian(0x8848), 0x8848, false, false, false, false},
	{"LLDP", bigEndian(lldp), lldp, false, false, false, true},
	{"PPPoE discovery", bigEndian(unix.ETH_P_PPP_DISC), unix.ETH_P_PPP_DISC, false, false, false, false},
	{"PPPoE session", bigEndian(unix.ETH_P_PPP_SES), unix.ETH_P_PPP_SES, false, false, false, false},
	{"experimental", bigEndian(experimental), experimental, false, false, false, false},
	{"largest ethertype", bigEndian(0xffff), 0xffff, false, false, false, false},
	{"802.3 length, LLC", append(bigEndian(60), 0x42, 0x42, 0x03), protocol8022, false, false, false, false},
	{"802.3 length, SNAP with IPv4", append(bigEndian(60), 0xaa, 0xaa, 3, 0, 0, 0, 8, 0), protocol8022, false, false, false, false},
	{"802.3 length that reads as the kernel's own number for all protocols", bigEndian(3), protocol8022, false, false, false, false},
	{"802.1Q around IPv4", bigEndian(unix.ETH_P_8021Q, 7, unix.ETH_P_IP), unix.ETH_P_IP, false, true, false, false},
	{"802.1Q around ARP", bigEndian(unix.ETH_P_8021Q, 7, unix.ETH_P_ARP), unix.ETH_P_ARP, false, true, false, false},
	{"802.1Q around MPLS", bigEndian(unix.ETH_P_8021Q, 7, mpls), mpls, false, true, false, false},
	{"802.1Q with priority around IPv4", bigEndian(unix.ETH_P_8021Q, 0xe007, unix.ETH_P_IP), unix.ETH_P_IP, false, true, false, false},
	{"802.1Q of VLAN 0 around IPv4", bigEndian(unix.ETH_P_8021Q, 0, unix.ETH_P_IP), unix.ETH_P_IP, false, true, false, false},
	{"802.1Q of VLAN 0 with priority around IPv4", bigEndian(unix.ETH_P_8021Q, 0xa000, unix.ETH_P_IP), unix.ETH_P_IP, false, true, false, false},
	{"802.1Q of VLAN 0 around MPLS", bigEndian(unix.ETH_P_8021Q, 0, mpls), mpls, false, false, false, false},
	{"802.1Q of VLAN 0 twice around MPLS", bigEndian(unix.ETH_P_8021Q, 0, unix.ETH_P_8021Q, 0, mpls), mpls, false, false, false, false},
	{"802.1Q twice", bigEndian(unix.ETH_P_8021Q, 7, unix.ETH_P_8021Q, 8, unix.ETH_P_IP), unix.ETH_P_8021Q, false, true, false, false},
	{"802.1ad around IPv4", bigEndian(unix.ETH_P_8021AD, 7, unix.ETH_P_IP), unix.ETH_P_IP, false, false, true, false},
	{"802.1ad of VLAN 0 around IPv4", bigEndian(unix.ETH_P_8021AD, 0, unix.ETH_P_IP), unix.ETH_P_IP, false, false, true, false},
	{"802.1ad of VLAN 0 around 802.1Q of VLAN 0 around MPLS", bigEndian(unix.ETH_P_8021AD, 0, unix.ETH_P_8021Q, 0, mpls), mpls, false, false, false, false},
	{"802.1ad around 802.1Q", bigEndian(unix.ETH_P_8021AD, 7, unix.ETH_P_8021Q, 8, unix.ETH_P_IP), unix.ETH_P_8021Q, false, false, true, false},
	{"802.1Q around 802.1ad", bigEndian(unix.ETH_P_8021Q, 7, unix.ETH_P_8021AD, 8, unix.ETH_P_IP), unix.ETH_P_8021AD, false, true, false, false},
	{"old tag of stacked VLANs", bigEndian(0x9100, 7, unix.ETH_P_IP), 0x9100, false, false, false, false},
}

// What is not IP or ARP ends at the ingress of a zone's interface, unless the zone
// admits it, and is counted.
func TestOtherEthertypesAreDropped(t *testing.T) {
	for _, zone := range []struct {
		name     string
		admitted []uint16
		passes   func(i int) bool
	}{
		{"nothing admitted", nil, func(i int) bool { return frameTests[i].passes }},
		{"802.1Q admitted", []uint16{unix.ETH_P_8021Q}, func(i int) bool { return frameTests[i].tagged }},
		{"802.1ad admitted", []uint16{unix.ETH_P_8021AD}, func(i int) bool { return frameTests[i].double }},
		{"MPLS and LLDP admitted", []uint16{lldp, mpls, lldp}, func(i int) bool { return frameTests[i].others }},
	} {
		t.Run(zone.name, func(t *testing.T) {
			l := newLab(t)
			l.plan.Zones[0].Ethertypes = zone.admitted
			out := l.packetSocket(l.src, "s0", 0)
			in := make(map[uint16]int)
			send := func(i int, text string) {
				frame := slices.Concat(bytes.Repeat([]byte{0xff}, 6), []byte{2, 0, 0, 0, 0, 9}, frameTests[i].header, []byte(text), make([]byte, 46))
				if _, err := unix.Write(out, frame); err != nil {
					t.Fatal(err)
				}
			}
			// Without the rules every frame is heard: the test can tell.
			for i, tt := range frameTests {
				if in[tt.protocol] == 0 {
					in[tt.protocol] = l.packetSocket(l.gw, "g0", tt.protocol)
				}
				send(i, "before the rules")
				if !hears(t, in[tt.protocol], "before the rules", patience) {
					t.Fatalf("%s: not heard before there were rules", tt.name)
				}
			}
			if r, err := nft.Install(l.plan); err != nil || !r.Ethertypes {
				t.Fatal(r, err)
			}
			var dropped uint64
			for i, tt := range frameTests {
				t.Run(tt.name, func(t *testing.T) {
					text := "behind the rules: " + tt.name
					send(i, text)
					if zone.passes(i) {
						if !hears(t, in[tt.protocol], text, patience) {
							t.Error("dropped")
						}
					} else {
						dropped++
						l.countsEthertypes(dropped)
						if hears(t, in[tt.protocol], text, 0) {
							t.Error("passed")
						}
					}
				})
			}
			l.countsEthertypes(dropped)
		})
	}
}

// countsEthertypes waits until so many frames have been dropped.
func (l *lab) countsEthertypes(want uint64) {
	l.t.Helper()
	var c nft.Counters
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var err error
		if c, err = nft.ReadCounters(testTable, int(l.gw)); err != nil {
			l.t.Fatal(err)
		}
		if c.Ethertype == want {
			return
		}
	}
	l.t.Errorf("%d frames are counted, want %d", c.Ethertype, want)
}

// An interface of no zone is nobody's business.
func TestOtherInterfacesCarryAnything(t *testing.T) {
	l := newLab(t)
	l.plan.Zones = l.plan.Zones[1:]
	l.install()
	in, out := l.packetSocket(l.gw, "g0", mpls), l.packetSocket(l.src, "s0", 0)
	frame := slices.Concat(bytes.Repeat([]byte{0xff}, 6), make([]byte, 6), bigEndian(mpls), []byte("labels of another kind"))
	if _, err := unix.Write(out, frame); err != nil {
		t.Fatal(err)
	}
	if !hears(t, in, "labels of another kind", patience) {
		t.Error("dropped at an interface of no zone")
	}
}

// A tunnel's interface has no link-layer header to look at.
func TestLinkWithoutHeader(t *testing.T) {
	l := newLab(t)
	tun := l.tun("t0")
	l.plan.Zones[0].Interfaces = append(l.plan.Zones[0].Interfaces, "t0")
	l.install()
	var dropped uint64
	for _, tt := range []struct {
		name     string
		protocol uint16
		passes   bool
	}{
		{"IPv4", unix.ETH_P_IP, true},
		{"IPv6", unix.ETH_P_IPV6, true},
		{"MPLS", mpls, false},
		{"experimental", experimental, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := l.packetSocket(l.gw, "t0", tt.protocol)
			packet := udpPacket(gwSrcIP, nil, []byte(tt.name+" through the tunnel"))
			if _, err := tun.Write(append(bigEndian(0, tt.protocol), packet...)); err != nil {
				t.Fatal(err)
			}
			var wait time.Duration
			if tt.passes {
				wait = patience
			} else {
				dropped++
				l.countsEthertypes(dropped)
			}
			if got := hears(t, in, tt.name+" through the tunnel", wait); got != tt.passes {
				t.Errorf("passes: %v, want %v", got, tt.passes)
			}
		})
	}
	l.countsEthertypes(dropped)
}

// tun makes a tunnel interface in the gateway; what is written to the file comes in
// by it, behind two bytes of flags and the protocol.
func (l *lab) tun(name string) *os.File {
	l.t.Helper()
	var f *os.File
	var err error
	l.inside(l.gw, func() {
		if f, err = os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
			return
		}
		var request *unix.Ifreq
		if request, err = unix.NewIfreq(name); err == nil {
			request.SetUint16(unix.IFF_TUN)
			err = unix.IoctlIfreq(int(f.Fd()), unix.TUNSETIFF, request)
		}
	})
	if err != nil {
		l.t.Skipf("needs tun: %v", err)
	}
	l.t.Cleanup(func() { f.Close() })
	l.address(l.gw, name, "10.91.3.1")
	return f
}
