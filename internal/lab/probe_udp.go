package lab

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// listenUDP opens a socket on a node, on any free port.
func listenUDP(n *node, a netip.Addr) (c *net.UDPConn, port uint16, err error) {
	err = inside(n.ns, func() error {
		c, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort().Port(), nil
}

// udp sends one datagram. Whether it arrived is what the receiver says.
func (s *shot) udp(ctx context.Context) error {
	receiver, port, err := listenUDP(s.to, s.dst)
	if err != nil {
		return err
	}
	defer s.arm(ctx, receiver)()
	sender, source, err := listenUDP(s.from, s.src)
	if err != nil {
		return err
	}
	defer sender.Close()
	s.result.SourcePort, s.result.DestPort = source, port

	begun := time.Now()
	if _, err := sender.WriteToUDPAddrPort(s.payload, netip.AddrPortFrom(s.dst, port)); err != nil {
		s.fail(err) // the node's own filter tells the sender
		return nil
	}
	buffer := make([]byte, len(s.payload)+1)
	for {
		n, _, err := receiver.ReadFromUDPAddrPort(buffer)
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return err
			}
			s.fail(err)
			return nil
		}
		if bytes.Equal(buffer[:n], s.payload) {
			s.result.Reached, s.result.Delivered = true, true
			s.result.Bytes, s.result.RTT = n, time.Since(begun)
			return nil
		}
	}
}
