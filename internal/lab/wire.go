package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// sysctls lists what is set on a node. Reverse path filters would drop the very
// packets that a labeling gateway has to judge and to account for; IPv6 only adds
// noise; redirects would tell hosts of a way around the gateway.
func sysctls(node string) []string {
	all := []string{"ipv6/conf/all/disable_ipv6=1", "ipv6/conf/default/disable_ipv6=1", "ipv4/conf/all/rp_filter=0", "ipv4/conf/default/rp_filter=0"}
	if node == GatewayName {
		all = append(all, "ipv4/ip_forward=1", "ipv4/conf/all/send_redirects=0", "ipv4/conf/default/send_redirects=0")
	}
	return all
}

// sysctl sets name=value pairs in a namespace; those of a protocol that the
// kernel does not have are skipped.
func sysctl(ns netns.NsHandle, settings []string) error {
	return inside(ns, func() error {
		for _, s := range settings {
			name, value, _ := strings.Cut(s, "=")
			path := "/proc/sys/net/" + name
			err := os.WriteFile(path, []byte(value), 0)
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				continue
			}
			// Containers have /proc/sys read-only; perhaps it is right already.
			if now, readErr := os.ReadFile(path); readErr == nil && string(now) == value+"\n" {
				continue
			}
			return fmt.Errorf("set %s to %s: %w", name, value, err)
		}
		return nil
	})
}

// cable joins a host to the gateway.
func cable(ctx context.Context, gateway, host netns.NsHandle, h *Host) error {
	at := func(err error) error { return fmt.Errorf("cable between %s and the gateway: %w", h.Name, err) }
	g, err := netlink.NewHandleAt(gateway)
	if err != nil {
		return at(err)
	}
	defer g.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = h.Interface, h.MTU
	veth := netlink.NewVeth(attrs)
	veth.PeerName, veth.PeerNamespace, veth.PeerMTU = HostInterface, netlink.NsFd(int(host)), uint32(h.MTU)
	if err := g.LinkAdd(veth); err != nil {
		return at(err)
	}
	own, err := netlink.NewHandleAt(host)
	if err != nil {
		return at(err)
	}
	defer own.Close()
	if err := up(g, h.Interface, netip.PrefixFrom(h.Gateway, h.Address.Bits())); err != nil {
		return at(err)
	}
	if err := up(own, HostInterface, h.Address); err != nil {
		return at(err)
	}
	all := &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
	if err := own.RouteAdd(&netlink.Route{Dst: all, Gw: h.Gateway.AsSlice()}); err != nil {
		return at(fmt.Errorf("route: %w", err))
	}
	if err := carrier(ctx, g, h.Interface); err != nil {
		return at(err)
	}
	if err := carrier(ctx, own, HostInterface); err != nil {
		return at(err)
	}
	return nil
}

// loopback switches a node's loopback interface on.
func loopback(ns netns.NsHandle) error {
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer h.Close()
	return up(h, "lo", netip.Prefix{})
}

// up gives an interface its address, if any, and switches it on.
func up(h *netlink.Handle, name string, address netip.Prefix) error {
	link, err := h.LinkByName(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if address.IsValid() {
		a := &netlink.Addr{IPNet: &net.IPNet{IP: address.Addr().AsSlice(), Mask: net.CIDRMask(address.Bits(), 32)}}
		if err := h.AddrAdd(link, a); err != nil {
			return fmt.Errorf("%s: address %s: %w", name, address, err)
		}
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// carrier waits until the kernel takes packets for an interface: what is sent
// before that is lost without a trace.
func carrier(ctx context.Context, h *netlink.Handle, name string) error {
	deadline := time.Now().Add(3 * time.Second)
	for {
		link, err := h.LinkByName(name)
		if err != nil {
			return err
		}
		if link.Attrs().OperState == netlink.OperUp {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s has no carrier", name)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// unplug deletes the gateway's ends of the cables, and so the hosts' ends too.
// They would end with the namespaces, but those live on for as long as somebody
// has a shell in them.
func unplug(gateway netns.NsHandle, names []string) error {
	h, err := netlink.NewHandleAt(gateway)
	if err != nil {
		return err
	}
	defer h.Close()
	var wrong []error
	for _, name := range names {
		link, err := h.LinkByName(name)
		if err != nil {
			continue // was never made
		}
		if err := h.LinkDel(link); err != nil {
			wrong = append(wrong, fmt.Errorf("remove %s: %w", name, err))
		}
	}
	return errors.Join(wrong...)
}
