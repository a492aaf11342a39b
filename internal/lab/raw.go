package lab

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// SendRaw puts an IPv4 packet on a node's cable exactly as it is: nothing is
// checked or filled in, and the node's own filter, if it has one, is not asked.
// That is what a machine that lies can do. From the gateway it goes to the host
// whose subnet holds the packet's destination.
func (l *Lab) SendRaw(from string, packet []byte) error {
	n, err := l.node(from)
	if err != nil {
		return err
	}
	name, peer, peerName := HostInterface, l.nodes[GatewayName], ""
	if n.host != nil {
		peerName = n.host.Interface
	} else {
		h := l.hostFor(packet)
		if h == nil {
			return fmt.Errorf("no host of the lab has the packet's destination")
		}
		name, peer, peerName = h.Interface, l.nodes[h.Name], HostInterface
	}
	there, err := linkOf(peer, peerName)
	if err != nil {
		return err
	}
	here, err := linkOf(n, name)
	if err != nil {
		return err
	}
	return inside(n.ns, func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		to := &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_IP), Ifindex: here.Attrs().Index, Halen: 6}
		copy(to.Addr[:], there.Attrs().HardwareAddr)
		if err := unix.Sendto(fd, packet, 0, to); err != nil {
			return fmt.Errorf("send %d bytes on %s of %s: %w", len(packet), name, from, err)
		}
		return nil
	})
}

func (l *Lab) hostFor(packet []byte) *Host {
	if len(packet) < 20 {
		return nil
	}
	dst := netip.AddrFrom4([4]byte(packet[16:20]))
	for i := range l.topology.Hosts {
		if h := &l.topology.Hosts[i]; h.Address.Masked().Contains(dst) {
			return h
		}
	}
	return nil
}

func linkOf(n *node, name string) (netlink.Link, error) {
	h, err := netlink.NewHandleAt(n.ns)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	link, err := h.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("interface %s of %s: %w", name, n.name, err)
	}
	return link, nil
}

// networkOrder is htons, which packet sockets want for their protocol.
func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}
