package e2e

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"labelgate/internal/lab"
)

// dumbRouter is a router that knows of IP options as much as that they are there: it
// passes packets on, cuts those that may be cut, and reports those that may not in
// ICMP errors that have no options themselves, as RFC 792 describes them. Linux
// would copy the label into its error.
type dumbRouter struct {
	own  netip.Addr
	fds  [2]int // toward the gateway, and away from it
	mtus [2]int
	to   [2]unix.SockaddrLinklayer
	mac  [2][]byte // of its own ends
	stop atomic.Bool
	done sync.WaitGroup

	refused atomic.Int64
}

// passOn has a dumb router in place of rex until the test ends.
func (m *mtuBench) passOn(t *testing.T, w *network) {
	t.Helper()
	h, rex := m.Topology().Host("tess"), m.Topology().Host("rex")
	r := &dumbRouter{own: rex.Address.Addr(), fds: [2]int{-1, -1}, mtus: [2]int{w.link("rex"), lesser(w.link("tess"), w.behind["tess"])}}
	near, far := m.handle(t, lab.GatewayName), m.handle(t, "tess")
	here := m.handle(t, "rex")
	for i, end := range [2]struct{ name, peer string }{{lab.HostInterface, rex.Interface}, {h.Interface, lab.HostInterface}} {
		peer := near
		if i == 1 {
			peer = far
		}
		own := linkNamed(t, here, end.name).Attrs()
		r.mac[i] = own.HardwareAddr
		r.to[i] = unix.SockaddrLinklayer{Protocol: 0x0008, Ifindex: own.Index, Halen: 6} // ETH_P_IP in network order
		copy(r.to[i].Addr[:], linkNamed(t, peer, end.peer).Attrs().HardwareAddr)
		must(t, m.Do("rex", func() (err error) {
			if r.fds[i], err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
				return err
			}
			return errors.Join(
				unix.SetsockoptInt(r.fds[i], unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20),
				unix.SetsockoptTimeval(r.fds[i], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 20000}),
				// Hosts leave checksums and segments to whoever sends a packet last.
				unix.SetsockoptInt(r.fds[i], unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
				unix.Bind(r.fds[i], &r.to[i]),
			)
		}))
	}
	m.sysctl(t, "rex", "ip_forward", "0")
	m.setDumb(true)
	for i := range r.fds {
		r.done.Go(func() { r.run(i) })
	}
	t.Cleanup(func() {
		r.stop.Store(true)
		r.done.Wait()
		unix.Close(r.fds[0])
		unix.Close(r.fds[1])
		m.sysctl(t, "rex", "ip_forward", "1")
		m.setDumb(false)
		if r.refused.Load() == 0 {
			t.Error("the router never refused anything")
		}
	})
}

func (m *mtuBench) setDumb(dumb bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dumb = dumb
}

// What stands in front of a packet: what is left to be done for it, and the
// Ethernet header.
const virtioHeader, etherHeader = 10, 14

// run passes on what comes from one side.
func (r *dumbRouter) run(from int) {
	buffer := make([]byte, virtioHeader+etherHeader+1<<16)
	for !r.stop.Load() {
		n, peer, err := unix.Recvfrom(r.fds[from], buffer, 0)
		if err != nil || n < virtioHeader+etherHeader+minHeader {
			continue
		}
		ll, ok := peer.(*unix.SockaddrLinklayer)
		packet := trim(buffer[virtioHeader+etherHeader : n])
		if !ok || ll.Pkttype != unix.PACKET_HOST || headerLen(packet) == 0 || netip.AddrFrom4([4]byte(packet[16:20])) == r.own {
			continue
		}
		r.pass(1-from, buffer[:virtioHeader], packet)
	}
}

func (r *dumbRouter) pass(to int, virtio, packet []byte) {
	packet[8]--
	reseal(packet)
	size := len(packet)
	if virtio[1] != 0 {
		size = int(binary.NativeEndian.Uint16(virtio[2:])+binary.NativeEndian.Uint16(virtio[4:])) - etherHeader
	}
	switch {
	case size <= r.mtus[to]:
		r.send(to, virtio, packet)
	case packet[6]&0x40 != 0:
		r.refused.Add(1)
		r.send(1-to, make([]byte, virtioHeader), r.tooBig(packet, r.mtus[to]))
	default:
		for _, piece := range cut(packet, r.mtus[to]) {
			r.send(to, make([]byte, virtioHeader), piece)
		}
	}
}

func (r *dumbRouter) send(to int, virtio, packet []byte) {
	frame := slices.Concat(virtio, r.to[to].Addr[:6], r.mac[to], []byte{8, 0}, packet)
	unix.Sendto(r.fds[to], frame, 0, &r.to[to])
}

// tooBig is the error of RFC 1191 section 4, which quotes the header and 8 bytes.
func (r *dumbRouter) tooBig(packet []byte, mtu int) []byte {
	body := append([]byte{3, 4, 0, 0, 0, 0, byte(mtu >> 8), byte(mtu)}, packet[:headerLen(packet)+8]...)
	binary.BigEndian.PutUint16(body[2:], ^sum(body))
	return header{src: r.own, dst: netip.AddrFrom4([4]byte(packet[12:16])), proto: protoICMP, body: body}.bytes()
}

// cut makes fragments of a packet, each with all of its options (RFC 791 section
// 3.2): there is none among them that is not to be copied.
func cut(packet []byte, mtu int) (pieces [][]byte) {
	n := headerLen(packet)
	field := binary.BigEndian.Uint16(packet[6:])
	step := (mtu - n) &^ 7
	for o := n; o < len(packet); o += step {
		piece := slices.Concat(packet[:n], packet[o:min(o+step, len(packet))])
		binary.BigEndian.PutUint16(piece[2:], uint16(len(piece)))
		flags := field + uint16((o-n)/8)
		if o+step < len(packet) {
			flags |= 0x2000
		}
		binary.BigEndian.PutUint16(piece[6:], flags)
		reseal(piece)
		pieces = append(pieces, piece)
	}
	return pieces
}

// reseal sets the checksum of a header right.
func reseal(packet []byte) {
	packet[10], packet[11] = 0, 0
	binary.BigEndian.PutUint16(packet[10:], ^sum(packet[:headerLen(packet)]))
}
