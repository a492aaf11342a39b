package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"
)

// tcp connects, and sends the payload there and back. Both directions must be
// open for that: there is no such thing as a one-way connection.
func (s *shot) tcp(ctx context.Context) error {
	var listener *net.TCPListener
	var witness *net.IPConn
	err := inside(s.to.ns, func() (err error) {
		if listener, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.dst, 0))); err != nil {
			return err
		}
		witness, err = net.ListenIP("ip4:tcp", &net.IPAddr{IP: s.dst.AsSlice()})
		return err
	})
	if listener != nil {
		defer listener.Close()
	}
	if err != nil {
		return err
	}
	defer s.arm(ctx, witness)()
	s.result.DestPort = listener.Addr().(*net.TCPAddr).AddrPort().Port()

	saw := make(chan bool, 1)
	go func() { saw <- sawSYN(witness, s.src, s.result.DestPort) }()
	received := make(chan int, 1)
	go func() { received <- s.answer(ctx, listener) }()

	s.connect(ctx)
	if !s.result.Delivered {
		// Give what is on its way a moment, then see how far it came.
		time.Sleep(5 * time.Millisecond)
		witness.SetDeadline(time.Unix(1, 0))
	}
	listener.Close()
	s.result.Bytes = <-received
	s.result.Reached = <-saw || s.result.Bytes > 0
	s.result.Delivered = s.result.Delivered && s.result.Bytes == len(s.payload)
	return nil
}

// connect is the sender's part.
func (s *shot) connect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var conn net.Conn
	begun := time.Now()
	err := inside(s.from.ns, func() (err error) {
		// An address that is a number is dialled on this very thread.
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.src, 0))}
		conn, err = d.DialContext(ctx, "tcp4", netip.AddrPortFrom(s.dst, s.result.DestPort).String())
		return err
	})
	if err != nil {
		s.fail(err)
		return
	}
	s.result.RTT = time.Since(begun)
	s.result.SourcePort = conn.LocalAddr().(*net.TCPAddr).AddrPort().Port()
	defer s.arm(ctx, conn)()
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(s.payload)
		sent <- err
	}()
	back := make([]byte, len(s.payload))
	_, err = io.ReadFull(conn, back)
	if err := errors.Join(err, <-sent); err != nil {
		s.fail(err)
		return
	}
	s.result.Delivered = bytes.Equal(back, s.payload)
}

// answer is the receiver's part: it takes one connection, and sends back what it
// received once it has received all of it. It returns how many bytes of the
// payload arrived intact.
func (s *shot) answer(ctx context.Context, listener *net.TCPListener) int {
	conn, err := listener.AcceptTCP()
	if err != nil {
		return 0
	}
	defer s.arm(ctx, conn)()
	buffer := make([]byte, len(s.payload))
	n, err := io.ReadFull(conn, buffer)
	if !bytes.Equal(buffer[:n], s.payload[:n]) {
		return 0
	}
	if err == nil {
		conn.Write(buffer)
	}
	return n
}

// sawSYN waits for the first packet of a connection to arrive. A raw socket gets
// a copy of what the node's own filter has let in.
func sawSYN(witness *net.IPConn, from netip.Addr, port uint16) bool {
	const syn, ack = 0x02, 0x10
	buffer := make([]byte, 2048)
	for {
		n, addr, err := witness.ReadFromIP(buffer)
		if err != nil {
			return false
		}
		if a, ok := netip.AddrFromSlice(addr.IP.To4()); n < 14 || !ok || a != from {
			continue
		}
		if binary.BigEndian.Uint16(buffer[2:]) == port && buffer[13]&(syn|ack) == syn {
			return true
		}
	}
}
