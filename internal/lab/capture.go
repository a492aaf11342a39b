package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxCaptured is the number of bytes that a capture keeps; what comes later is
// only counted.
const maxCaptured = 64 << 20

// Captured is one packet on a cable, as it was there.
type Captured struct {
	Time      time.Time
	Interface string
	Outgoing  bool   // sent by the node, not received
	Frame     []byte // from the Ethernet header on
}

// IPv4 returns the packet in the frame, nil when it is none.
func (c *Captured) IPv4() []byte {
	const header = 14
	if len(c.Frame) < header+20 || binary.BigEndian.Uint16(c.Frame[12:]) != unix.ETH_P_IP {
		return nil
	}
	return c.Frame[header:]
}

// Capture records what passes on interfaces of a node: what comes in before the
// node's own filter sees it, what goes out after.
type Capture struct {
	sockets []*os.File
	readers sync.WaitGroup
	once    sync.Once

	mu      sync.Mutex
	packets []Captured
	bytes   int
	lost    int
}

// Capture begins to record interfaces of a node: all that have a cable when none
// is named. It goes on until it is stopped or the lab is closed.
func (l *Lab) Capture(node string, interfaces ...string) (*Capture, error) {
	n, err := l.node(node)
	if err != nil {
		return nil, err
	}
	if len(interfaces) == 0 {
		interfaces = []string{HostInterface}
		if n.host == nil {
			interfaces = l.state.Interfaces
		}
	}
	c := &Capture{}
	for _, name := range interfaces {
		if err := c.open(n, name); err != nil {
			c.Stop()
			return nil, fmt.Errorf("capture on %s of %s: %w", name, node, err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.captures = append(l.captures, c)
	return c, nil
}

func (c *Capture) open(n *node, name string) error {
	link, err := linkOf(n, name)
	if err != nil {
		return err
	}
	fd := -1
	err = inside(n.ns, func() error {
		// Protocol 0 until it is bound: no packets of other interfaces.
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return err
		}
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20) // as much of it as may be
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: link.Attrs().Index})
	})
	if err != nil {
		if fd >= 0 {
			unix.Close(fd)
		}
		return err
	}
	f := os.NewFile(uintptr(fd), "capture "+name)
	c.sockets = append(c.sockets, f)
	c.readers.Add(1)
	go c.read(f, name)
	return nil
}

// read takes packets until the socket's deadline is set and nothing is left.
func (c *Capture) read(f *os.File, name string) {
	defer c.readers.Done()
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	frame, control := make([]byte, 1<<17), make([]byte, 256)
	for {
		var n, controlLen int
		var from unix.Sockaddr
		var recvErr error
		err := conn.Read(func(fd uintptr) bool {
			n, controlLen, _, from, recvErr = unix.Recvmsg(int(fd), frame, control, unix.MSG_TRUNC)
			return !errors.Is(recvErr, unix.EAGAIN)
		})
		if err != nil || recvErr != nil && !errors.Is(recvErr, unix.EINTR) && !errors.Is(recvErr, unix.ENETDOWN) {
			return
		}
		if recvErr == nil {
			c.keep(name, frame[:min(n, len(frame))], from, stamp(control[:controlLen]))
		}
	}
}

func (c *Capture) keep(name string, frame []byte, from unix.Sockaddr, at time.Time) {
	p := Captured{Time: at, Interface: name, Frame: slices.Clone(frame)}
	if ll, ok := from.(*unix.SockaddrLinklayer); ok {
		p.Outgoing = ll.Pkttype == unix.PACKET_OUTGOING
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes += len(frame); c.bytes > maxCaptured {
		c.lost++
		return
	}
	c.packets = append(c.packets, p)
}

// stamp returns the kernel's time of a packet: two sockets are read by two
// goroutines, whose own order means nothing.
func stamp(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err == nil {
		for _, m := range messages {
			if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS_NEW && len(m.Data) >= 16 {
				return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
			}
		}
	}
	return time.Now()
}

// Stop ends the capture once everything that was on the cables before has been
// kept. It may be called more than once.
func (c *Capture) Stop() {
	c.once.Do(func() {
		for _, f := range c.sockets {
			c.drain(f)
		}
		c.readers.Wait()
		for _, f := range c.sockets {
			c.lost += dropped(f)
			f.Close()
		}
	})
}

// drain lets the reader take what waits in a socket and then ends it: from now on
// nothing more comes in, and a passed deadline is only looked at when a read
// would have to wait.
func (c *Capture) drain(f *os.File) {
	if conn, err := f.SyscallConn(); err == nil {
		conn.Control(func(fd uintptr) {
			none := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
			unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &none})
		})
	}
	for range 100 {
		if !readable(f) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	f.SetReadDeadline(time.Unix(1, 0))
}

func readable(f *os.File) (yes bool) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	conn.Control(func(fd uintptr) {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		yes = err == nil && n > 0
	})
	return yes
}

// dropped returns how many packets found a socket full.
func dropped(f *os.File) (n int) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	conn.Control(func(fd uintptr) {
		if s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			n = int(s.Drops)
		}
	})
	return n
}

// Packets returns what was recorded so far, the oldest first. The frames are the
// capture's own and must not be changed.
func (c *Capture) Packets() []Captured {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.packets)
	slices.SortStableFunc(all, func(a, b Captured) int { return a.Time.Compare(b.Time) })
	return all
}

// Lost returns how many packets were not kept; final after Stop.
func (c *Capture) Lost() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}
