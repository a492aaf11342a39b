package talk

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Ears are a process' open sockets: for datagrams, for connections, and for
// every echo request that its kernel lets it hear.
type Ears struct {
	label string
	tell  func(Heard)
	udp   *net.UDPConn
	tcp   *net.TCPListener
	icmp  *net.IPConn
	wg    sync.WaitGroup
}

// Prepare sets up the network that the calling thread is in: everybody may have a
// ping socket, and an answer that nobody takes is repeated once and not for half a
// minute.
func Prepare() error {
	for name, value := range map[string]string{"ping_group_range": "0 2147483647", "tcp_synack_retries": "1"} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

// Open opens a process' ears on a port and tells of everything that they hear,
// from goroutines of its own. Echo requests need CAP_NET_RAW; afterwards no
// privilege is needed.
func Open(port uint16, tell func(Heard)) (*Ears, error) {
	e := &Ears{label: Own(), tell: tell}
	at := netip.AddrPortFrom(netip.IPv4Unspecified(), port)
	var err [3]error
	e.udp, err[0] = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	e.tcp, err[1] = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
	e.icmp, err[2] = net.ListenIP("ip4:icmp", &net.IPAddr{IP: net.IPv4zero})
	if failed := errors.Join(err[:]...); failed != nil {
		e.close()
		return nil, failed
	}
	if failed := errors.Join(passLabels(e.udp), passLabels(e.icmp)); failed != nil {
		e.close()
		return nil, failed
	}
	e.wg.Go(e.hearUDP)
	e.wg.Go(e.hearTCP)
	e.wg.Go(e.hearICMP)
	return e, nil
}

// Close returns when everything that was heard has been told.
func (e *Ears) Close() {
	e.close()
	e.wg.Wait()
}

func (e *Ears) close() {
	if e.udp != nil {
		e.udp.Close()
	}
	if e.tcp != nil {
		e.tcp.Close()
	}
	if e.icmp != nil {
		e.icmp.Close()
	}
}

func (e *Ears) heard(p Proto, from netip.AddrPort, n int, peer string) {
	e.tell(Heard{Label: e.label, Proto: p, From: from, Bytes: n, Peer: peer})
}

func (e *Ears) hearUDP() {
	buffer, control := make([]byte, 1<<16), make([]byte, 1024)
	for {
		n, c, _, from, err := e.udp.ReadMsgUDPAddrPort(buffer, control)
		if err != nil {
			return
		}
		e.heard(UDP, from, n, labelOf(control[:c]))
	}
}

func (e *Ears) hearICMP() {
	buffer, control := make([]byte, 1<<16), make([]byte, 1024)
	for {
		n, c, _, from, err := e.icmp.ReadMsgIP(buffer, control)
		if err != nil {
			return
		}
		header := int(buffer[0]&15) * 4 // a raw socket hears the IP header as well
		address, _ := netip.AddrFromSlice(from.IP.To4())
		if message := buffer[min(header, n):n]; len(message) >= icmpHeader && message[0] == echoRequest {
			id := binary.BigEndian.Uint16(message[4:])
			e.heard(ICMP, netip.AddrPortFrom(address, id), len(message)-icmpHeader, labelOf(control[:c]))
		}
	}
}

func (e *Ears) hearTCP() {
	for {
		c, err := e.tcp.AcceptTCP()
		if err != nil {
			return
		}
		e.wg.Go(func() { e.converse(c) })
	}
}

// converse gives back what a connection brings.
func (e *Ears) converse(c *net.TCPConn) {
	defer c.Close()
	from, peer := c.RemoteAddr().(*net.TCPAddr).AddrPort(), peerLabel(c)
	e.heard(TCP, from, 0, peer)
	c.SetDeadline(time.Now().Add(conversation))
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > most {
		return
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(c, data); err != nil {
		return
	}
	e.heard(TCP, from, len(data), peer)
	if _, err := c.Write(data); err == nil {
		io.Copy(io.Discard, c) // until the other side closes: it is to close first
	}
}

const (
	conversation = 30 * time.Second // the longest
	most         = 16 << 20         // bytes that a connection may bring
)
