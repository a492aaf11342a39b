package e2e

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// sink takes datagrams and remembers which.
type sink struct {
	conn *net.UDPConn
	done sync.WaitGroup

	mu     sync.Mutex
	heard  map[uint64]int // how often, by number
	broken int            // that were not as they were sent
}

func (m *mtuBench) listen(t *testing.T, p party) {
	t.Helper()
	s := &sink{heard: map[uint64]int{}}
	must(t, m.Do(p.name, func() (err error) {
		s.conn, err = net.ListenUDP("udp4", &net.UDPAddr{Port: inboxPort})
		return err
	}))
	s.done.Go(s.read)
	m.sinks[p.name] = s
	t.Cleanup(func() {
		s.conn.Close()
		s.done.Wait()
	})
}

func (s *sink) read() {
	buffer := make([]byte, 1<<16)
	for {
		n, _, err := s.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		s.mu.Lock()
		if number, ok := numberOf(buffer[:n]); ok {
			s.heard[number]++
		} else {
			s.broken++
		}
		s.mu.Unlock()
	}
}

func (s *sink) times(number uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard[number]
}

// numbered returns a payload that says which one it is, all through.
func numbered(number uint64, size int) []byte {
	b := make([]byte, size)
	binary.BigEndian.PutUint64(b, number)
	for i := 8; i < size; i++ {
		b[i] = byte(number) + byte(i) + byte(i>>8)
	}
	return b
}

// numberOf reads a payload, and reports whether it is whole.
func numberOf(b []byte) (uint64, bool) {
	if len(b) < 8 {
		return 0, false
	}
	number := binary.BigEndian.Uint64(b)
	for i := 8; i < len(b); i++ {
		if b[i] != byte(number)+byte(i)+byte(i>>8) {
			return 0, false
		}
	}
	return number, true
}

// talker is a UDP socket of a host that hears of ICMP errors.
type talker struct {
	m        *mtuBench
	from, to party
	n        int // the label
	fd       int
	local    netip.AddrPort

	sent      []uint64
	elsewhere int // how many a further router refused
}

// talk opens a socket from one party to another, with the path MTU discovery that
// is asked for (ip(7)).
func (m *mtuBench) talk(from, to party, n, discover int) (*talker, error) {
	s := &talker{m: m, from: from, to: to, n: n, fd: -1, local: netip.AddrPortFrom(from.address(n), uint16(m.port.Add(1)))}
	err := m.Do(from.name, func() (err error) {
		if s.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return err
		}
		if option := optionOf(from.doi, n); !from.self && len(option) > 0 {
			if err := unix.SetsockoptString(s.fd, unix.SOL_IP, unix.IP_OPTIONS, string(option)); err != nil {
				return fmt.Errorf("IP_OPTIONS: %w", err)
			}
		}
		return errors.Join(
			unix.SetsockoptInt(s.fd, unix.SOL_IP, unix.IP_MTU_DISCOVER, discover),
			unix.SetsockoptInt(s.fd, unix.SOL_IP, unix.IP_RECVERR, 1),
			unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<20),
			unix.Bind(s.fd, &unix.SockaddrInet4{Port: int(s.local.Port()), Addr: s.local.Addr().As4()}),
			unix.Connect(s.fd, &unix.SockaddrInet4{Port: inboxPort, Addr: to.address(n).As4()}),
		)
	})
	if err != nil && s.fd >= 0 {
		unix.Close(s.fd)
	}
	return s, err
}

func (s *talker) close() { unix.Close(s.fd) }

// send sends a datagram of which the host's stack makes a packet of size bytes.
func (s *talker) send(size int) (number uint64, err error) {
	number = s.m.ids.Add(1)
	payload := numbered(number, size-minHeader-s.from.stack(s.n)-8)
	for {
		_, err = unix.Write(s.fd, payload)
		// An error that came for an earlier datagram is told at the next call.
		if err == nil {
			s.sent = append(s.sent, number)
			return number, nil
		}
		if !errors.Is(err, unix.EMSGSIZE) || s.pending() == 0 {
			return number, err
		}
	}
}

// pending returns and clears the error that waits for the next call.
func (s *talker) pending() int {
	e, _ := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	return e
}

// pathMTU returns what the host's stack takes for the path's MTU.
func (s *talker) pathMTU() int {
	n, err := unix.GetsockoptInt(s.fd, unix.SOL_IP, unix.IP_MTU)
	if err != nil {
		return -1
	}
	return n
}

// toldError is an error that the socket heard of.
type toldError struct {
	origin     byte // 1: the host's own stack, 2: ICMP
	kind, code byte
	mtu        int
	by         netip.Addr // who sent it
	payload    []byte     // what it quotes, behind the UDP header
}

// hear takes an error from the socket's queue.
func (s *talker) hear() (e toldError, ok bool) {
	payload, control := make([]byte, 1<<11), make([]byte, 512)
	n, c, _, _, err := unix.Recvmsg(s.fd, payload, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return e, false
	}
	messages, err := unix.ParseSocketControlMessage(control[:c])
	if err != nil {
		return e, false
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_IP || m.Header.Type != unix.IP_RECVERR || len(m.Data) < 16 {
			continue
		}
		e = toldError{origin: m.Data[4], kind: m.Data[5], code: m.Data[6], mtu: int(binary.NativeEndian.Uint32(m.Data[8:])), payload: payload[:n]}
		if len(m.Data) >= 24 {
			e.by = netip.AddrFrom4([4]byte(m.Data[20:24]))
		}
		return e, true
	}
	return e, false
}
