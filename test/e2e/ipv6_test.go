package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"labelgate/internal/lab"
)

// packets6 is how many IPv6 datagrams are tried.
const packets6 = 5

// Addresses and the payload of the IPv6 datagrams.
var (
	ipv6Of      = map[string]string{"pop": "fd00:4::2/64", "sec": "fd00:5::2/64"}
	ipv6Gateway = map[string]string{"pop": "fd00:4::1/64", "sec": "fd00:5::1/64"}
	ipv6Payload = []byte("nothing labels this one")
)

// setup6 makes an IPv6 network of the lab, complete with neighbours, so that
// nothing but the gateway's table keeps pop and sec apart.
func (c *lifecycle) setup6(t *testing.T) {
	t.Helper()
	for _, node := range []string{lab.GatewayName, "pop", "sec"} {
		err := c.Do(node, func() error {
			for _, s := range []string{"all/disable_ipv6=0", "default/disable_ipv6=0", "all/forwarding=1"} {
				name, value, _ := bytes.Cut([]byte(s), []byte("="))
				if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+string(name), value, 0); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Skip("needs IPv6: ", err)
		}
	}
	for host := range ipv6Of {
		c.join6(t, lab.GatewayName, c.cable(host), ipv6Gateway[host], host, lab.HostInterface, ipv6Of[host])
		c.join6(t, host, lab.HostInterface, ipv6Of[host], lab.GatewayName, c.cable(host), ipv6Gateway[host])
	}
}

// join6 gives a node's interface an address, and tells it the hardware address of
// the one at the other end.
func (c *lifecycle) join6(t *testing.T, node, name, own, peer, peerName, peerAddress string) {
	t.Helper()
	fail := func(err error) {
		if err != nil {
			t.Fatalf("IPv6 of %s: %v", node, err)
		}
	}
	at := func(node, name string) (*netlink.Handle, netlink.Link) {
		ns, err := c.Namespace(node)
		fail(err)
		h, err := netlink.NewHandleAt(ns)
		fail(err)
		t.Cleanup(h.Close)
		link, err := h.LinkByName(name)
		fail(err)
		return h, link
	}
	h, link := at(node, name)
	_, peerLink := at(peer, peerName)
	there := netip.MustParsePrefix(peerAddress).Addr()
	prefix := netip.MustParsePrefix(own)
	fail(h.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), 128)}, Flags: unix.IFA_F_NODAD}))
	fail(h.NeighSet(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, Family: netlink.FAMILY_V6, State: netlink.NUD_PERMANENT,
		IP: there.AsSlice(), HardwareAddr: peerLink.Attrs().HardwareAddr,
	}))
	if node != lab.GatewayName {
		everything := &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
		fail(h.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: everything, Gw: there.AsSlice()}))
	}
}

// send6 sends datagrams from pop to sec, and returns how many reached the cable.
func (c *lifecycle) send6(t *testing.T) (n int) {
	t.Helper()
	payload := fmt.Appendf(bytes.Clone(ipv6Payload), " %d", time.Now().UnixNano())
	to := netip.MustParsePrefix(ipv6Of["sec"]).Addr()
	err := c.Do("pop", func() error {
		conn, err := net.ListenUDP("udp6", nil) // not connected, so that it hears of no error
		if err != nil {
			return err
		}
		defer conn.Close()
		for range packets6 {
			if _, err := conn.WriteToUDPAddrPort(payload, netip.AddrPortFrom(to, inboxPort)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	for _, p := range c.cables["sec"].Packets() {
		if !p.Outgoing && len(p.Frame) > 14 && binary.BigEndian.Uint16(p.Frame[12:]) == 0x86dd && bytes.Contains(p.Frame, payload) {
			n++
		}
	}
	return n
}
