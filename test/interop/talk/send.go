package talk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// source leaves the address to the kernel.
func (s Send) source() netip.AddrPort { return netip.AddrPortFrom(netip.IPv4Unspecified(), s.From) }

func (s Send) udp() error {
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(s.source()))
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.WriteToUDPAddrPort(payload(s.Size), s.To)
	return err
}

// tcp says how much it will send, sends it, and wants it back.
func (s Send) tcp() (peer string, err error) {
	end := time.Now().Add(s.Timeout)
	d := net.Dialer{Deadline: end, LocalAddr: net.TCPAddrFromAddrPort(s.source()), KeepAlive: -1}
	conn, err := d.Dial("tcp4", s.To.String())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(end)
	peer = peerLabel(conn.(*net.TCPConn))
	data := payload(s.Size)
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...))
		sent <- err
	}()
	back := make([]byte, len(data))
	_, err = io.ReadFull(conn, back)
	if err := errors.Join(err, <-sent); err != nil {
		return peer, err
	}
	if !bytes.Equal(back, data) {
		return peer, errors.New("what came back is not what was sent")
	}
	return peer, nil
}

// icmp sends an echo request by a ping socket, which needs no privilege, and
// waits for the reply.
func (s Send) icmp() (peer string, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	wait := unix.NsecToTimeval(s.Timeout.Nanoseconds())
	if err := errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_IP, ipPassSec, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
		unix.Bind(fd, &unix.SockaddrInet4{Port: int(s.From)}), // a ping socket's port is the identifier
	); err != nil {
		return "", err
	}
	request := append(make([]byte, icmpHeader), payload(s.Size)...)
	request[0] = echoRequest
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrInet4{Addr: s.To.Addr().As4()}); err != nil {
		return "", err
	}
	reply, control := make([]byte, len(request)+1), make([]byte, 1024)
	n, c, err := receive(fd, reply, control, time.Now().Add(s.Timeout))
	switch {
	case err != nil:
		return "", err
	case n != len(request) || reply[0] != echoReply || !bytes.Equal(reply[icmpHeader:n], request[icmpHeader:]):
		return "", fmt.Errorf("%d bytes of type %d came back", n, reply[0])
	}
	return labelOf(control[:c]), nil
}

// receive waits for a message. The runtime's own signals end the wait early on a
// socket with a time limit.
func receive(fd int, message, control []byte, end time.Time) (n, c int, err error) {
	for {
		n, c, _, _, err = unix.Recvmsg(fd, message, control, 0)
		if !errors.Is(err, unix.EINTR) || time.Now().After(end) {
			return n, c, err
		}
	}
}

// ICMP (RFC 792).
const (
	echoReply   = 0
	echoRequest = 8
	icmpHeader  = 8
)
