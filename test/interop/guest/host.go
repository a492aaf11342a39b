package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"labelgate/test/interop/orders"
	"labelgate/test/interop/talk"
)

// device is what User-Mode Linux calls the interface at its end of the tap.
const device = "vec0"

// mounts makes the machine's root, which is the guest's and cannot be written,
// into that of a Smack host.
func mounts() error {
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"smackfs", smackfs}, {"tmpfs", "/run"},
	} {
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	return nil
}

// settle makes the guest the host that it is told to be.
func settle(h *orders.Host) error {
	if err := policy(h); err != nil {
		return err
	}
	// No audit record is to be lost.
	if err := os.WriteFile("/proc/sys/kernel/printk_ratelimit", []byte("0"), 0); err != nil {
		return err
	}
	if err := talk.Prepare(); err != nil {
		return err
	}
	return network(h)
}

func network(h *orders.Host) error {
	if err := up("lo", netip.Prefix{}); err != nil {
		return err
	}
	if err := up(device, h.Address); err != nil {
		return err
	}
	all := &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
	if err := netlink.RouteAdd(&netlink.Route{Dst: all, Gw: h.Gateway.AsSlice()}); err != nil {
		return fmt.Errorf("route: %w", err)
	}
	return nil
}

func up(name string, address netip.Prefix) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if address.IsValid() {
		a := &netlink.Addr{IPNet: &net.IPNet{IP: address.Addr().AsSlice(), Mask: net.CIDRMask(address.Bits(), 32)}}
		if err := netlink.AddrAdd(link, a); err != nil {
			return fmt.Errorf("%s: address %s: %w", name, address, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
