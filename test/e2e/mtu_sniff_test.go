package e2e

import (
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// sniffed is one packet on a cable, at one of its ends.
type sniffed struct {
	cable string // by the host at its end
	node  string // where it was seen
	out   bool   // sent by that node
	size  int    // of the IP packet; of each segment, where the node hands over many at once
	ip    []byte // its first bytes
}

// sniffedBytes is how many bytes are kept of a packet: all of an ICMP error.
const sniffedBytes = 700

// sniffer looks at every packet at one end of a cable. Unlike lab.Capture it keeps
// nothing by itself, so that it can look at gigabytes.
type sniffer struct {
	cable, node string
	fd          int
	see         func(*sniffed)
	stop        atomic.Bool
	done        sync.WaitGroup
	seen        atomic.Int64 // frames, of any kind

	came, lost int64 // frames for the socket, and those that found it full; as of settle
}

// sniff begins to look at an interface until the test ends.
func (m *mtuBench) sniff(t *testing.T, node, name, cable string) {
	t.Helper()
	index := linkNamed(t, m.handle(t, node), name).Attrs().Index
	s := &sniffer{cable: cable, node: node, see: m.judge}
	must(t, m.Do(node, func() (err error) {
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return errors.Join(
			unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
			unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 20000}),
			// A host hands over many segments at once, and says how long each is to be.
			unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
			unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: 0x0300, Ifindex: index}), // ETH_P_ALL in network order
		)
	}))
	m.sniffers = append(m.sniffers, s)
	s.done.Go(s.run)
	t.Cleanup(s.close)
}

func (s *sniffer) run() {
	buffer := make([]byte, virtioHeader+etherHeader+sniffedBytes)
	for {
		n, from, err := unix.Recvfrom(s.fd, buffer, unix.MSG_TRUNC)
		if err != nil {
			if s.stop.Load() {
				return
			}
			continue // nothing came meanwhile
		}
		s.frame(buffer[:min(n, len(buffer))], n, from)
		s.seen.Add(1)
	}
}

// frame looks at the beginning of a frame of n bytes, what is left to be done for it
// included.
func (s *sniffer) frame(kept []byte, n int, from unix.Sockaddr) {
	if len(kept) < virtioHeader+etherHeader+minHeader || binary.BigEndian.Uint16(kept[virtioHeader+12:]) != unix.ETH_P_IP {
		return
	}
	p := sniffed{cable: s.cable, node: s.node, ip: kept[virtioHeader+etherHeader:]}
	if ll, ok := from.(*unix.SockaddrLinklayer); ok {
		p.out = ll.Pkttype == unix.PACKET_OUTGOING
	}
	p.size = int(binary.BigEndian.Uint16(p.ip[2:]))
	if segment := int(binary.NativeEndian.Uint16(kept[4:])); kept[1] != 0 && headerLen(p.ip) > 0 {
		headers := headerLen(p.ip)
		if p.ip[9] == protoTCP && len(p.ip) > headers+12 {
			headers += int(p.ip[headers+12]>>4) * 4
		}
		p.size = min(n-virtioHeader-etherHeader, headers+segment)
	}
	s.see(&p)
}

// settle waits until everything was looked at that has come so far.
func (s *sniffer) settle() bool {
	return eventually(func() bool {
		// The kernel counts from the last time that it was asked.
		if stats, err := unix.GetsockoptTpacketStats(s.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			s.came += int64(stats.Packets)
			s.lost += int64(stats.Drops)
		}
		return s.seen.Load() >= s.came-s.lost
	})
}

func (s *sniffer) close() {
	if !s.stop.Swap(true) {
		s.done.Wait()
		unix.Close(s.fd)
	}
}
