package e2e

import (
	"net"

	"golang.org/x/sys/unix"

	"labelgate/internal/lab"
)

// rawCable sends packets of a host that nobody looks at, many of them:
// Lab.SendRaw finds its way anew for each.
type rawCable struct {
	fd int
	to unix.SockaddrLinklayer
}

func (b *bench) rawCable(host string) (*rawCable, error) {
	c := &rawCable{fd: -1, to: unix.SockaddrLinklayer{Protocol: 0x0008, Halen: 6}} // ETH_P_IP in network order
	err := b.Do(lab.GatewayName, func() error {
		there, err := net.InterfaceByName(b.cable(host))
		if err == nil {
			copy(c.to.Addr[:], there.HardwareAddr)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	err = b.Do(host, func() error {
		here, err := net.InterfaceByName(lab.HostInterface)
		if err != nil {
			return err
		}
		c.to.Ifindex = here.Index
		c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (c *rawCable) send(packet []byte) error { return unix.Sendto(c.fd, packet, 0, &c.to) }

func (c *rawCable) close() { unix.Close(c.fd) }
