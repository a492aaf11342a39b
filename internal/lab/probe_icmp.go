package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// ICMP types (RFC 792).
const (
	echoReply   = 0
	echoRequest = 8
)

// listenICMP opens a raw socket on a node. It gets a copy of every ICMP message
// that the node's own filter has let in.
func listenICMP(n *node, a netip.Addr) (c *net.IPConn, err error) {
	err = inside(n.ns, func() error {
		c, err = net.ListenIP("ip4:icmp", &net.IPAddr{IP: a.AsSlice()})
		return err
	})
	return c, err
}

// icmp sends an echo request, which the other node's kernel answers.
func (s *shot) icmp(ctx context.Context) error {
	sender, err := listenICMP(s.from, s.src)
	if err != nil {
		return err
	}
	defer s.arm(ctx, sender)()
	witness, err := listenICMP(s.to, s.dst)
	if err != nil {
		return err
	}
	defer s.arm(ctx, witness)()
	saw := make(chan bool, 1)
	go func() { saw <- s.sawEcho(witness, echoRequest) == nil }()

	begun := time.Now()
	if _, err = sender.WriteToIP(s.echo(), &net.IPAddr{IP: s.dst.AsSlice()}); err == nil {
		err = s.sawEcho(sender, echoReply)
	}
	if err != nil {
		s.fail(err)
		witness.SetDeadline(time.Unix(1, 0))
	}
	s.result.Delivered, s.result.RTT = err == nil, time.Since(begun)
	if s.result.Reached = <-saw || s.result.Delivered; s.result.Reached {
		s.result.Bytes = len(s.payload)
	}
	return nil
}

// echo builds the request. Its identifier is a part of the payload's.
func (s *shot) echo() []byte {
	m := append(make([]byte, 8), s.payload...)
	m[0] = echoRequest
	copy(m[4:6], s.payload)
	binary.BigEndian.PutUint16(m[6:], 1)
	binary.BigEndian.PutUint16(m[2:], checksum(m))
	return m
}

// sawEcho waits for a message of a type with the shot's payload.
func (s *shot) sawEcho(c *net.IPConn, kind byte) error {
	const header = 60 // read with the message, and cut off afterwards
	buffer := make([]byte, header+8+len(s.payload)+1)
	for {
		n, _, err := c.ReadFromIP(buffer)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return os.ErrDeadlineExceeded
			}
			return err
		}
		if n == 8+len(s.payload) && buffer[0] == kind && bytes.Equal(buffer[8:n], s.payload) {
			return nil
		}
	}
}

// checksum is the Internet checksum (RFC 1071).
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
