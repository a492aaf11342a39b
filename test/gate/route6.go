package gate

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/vishvananda/netlink"

	"labelgate/internal/lab"
)

// Route6 has the gateway forward IPv6 from everywhere to a network behind a host,
// so that nothing but its rules keeps such packets from it. It returns when the
// gateway's kernel has said what it has to say about that.
func (s *Site) Route6(t testing.TB, host string, network netip.Prefix) {
	t.Helper()
	var settings [][2]string
	for host := range s.macs {
		// An interface without an address says less, and what it says at once.
		settings = append(settings, [2]string{Cable + host + "/addr_gen_mode", "1"}, [2]string{Cable + host + "/mldv2_unsolicited_report_interval", "10"})
	}
	settings = append(settings, [][2]string{{"all/disable_ipv6", "0"}, {"default/disable_ipv6", "0"}, {"all/forwarding", "1"}}...)
	err := s.Do(lab.GatewayName, func() error {
		for _, set := range settings {
			if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+set[0], []byte(set[1]), 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal("IPv6: ", err)
	}
	h, cable := s.link(t, lab.GatewayName, Cable+host)
	defer h.Close()
	mask := net.CIDRMask(network.Bits(), 128)
	if err := h.RouteAdd(&netlink.Route{LinkIndex: cable.Attrs().Index, Dst: &net.IPNet{IP: network.Addr().AsSlice(), Mask: mask}}); err != nil {
		t.Fatal("IPv6 route: ", err)
	}
	if err := h.NeighSet(&netlink.Neigh{
		LinkIndex: cable.Attrs().Index, Family: netlink.FAMILY_V6, State: netlink.NUD_PERMANENT,
		IP: network.Addr().Next().AsSlice(), HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 2, 1},
	}); err != nil {
		t.Fatal("IPv6 neighbour: ", err)
	}
	said := uint64(0)
	quiet := 0
	Eventually(func() bool {
		now := s.Kernel(t).IP["Ip6OutRequests"]
		if now == said {
			quiet++
		} else {
			quiet = 0
		}
		said = now
		sleepMilliseconds(10)
		return quiet == 20
	})
}
