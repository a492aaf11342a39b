package differential

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"labelgate/test/naive"
)

// window is how many probes are under way at a time. The queue of the device
// holds several answers to each.
const window = 128

const (
	echoReply, echoRequest, parameterProblem = 0, 8, 12
	payloadLen                               = 8
)

// answer is what the kernel did with a probe.
type answer uint8

const (
	silent  answer = iota // nothing came back
	taken                 // the echo
	refused               // a parameter problem, code 0

	// Without an answer that comes back, but by the counters of the namespace.
	takenUnanswered   // the echo request was delivered
	refusedUnanswered // the header was found wrong
	notRouted         // neither
)

// probe is an echo request and what the kernel answered to it.
type probe struct {
	packet []byte // as sent
	number uint32 // the identifier and sequence number of the echo

	answer  answer
	pointer int    // valid iff refused
	label   []byte // CIPSO option that the echo brought back; valid iff taken, nil without one
}

// area returns the option area of the probe.
func (p *probe) area() []byte { return p.packet[20 : int(p.packet[0]&15)*4] }

// kernel is the running kernel's IP stack behind a tun device.
type kernel struct {
	t    *testing.T
	fd   int
	next uint32
	buf  []byte
	snmp *os.File // the counters of the namespace
	// unexplained counts what came out of the device and is no answer to a
	// probe that waits for one.
	unexplained int
}

// openKernel makes a network namespace for the calling goroutine alone, with a
// tun device in it. The namespace ends with the device and the goroutine.
func openKernel(t *testing.T) *kernel {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs root: makes a network namespace: %v", err)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("no tun device: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	const name = "probe0"
	request, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		t.Skipf("no tun device of our own: %v", err)
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(what, ": ", err)
		}
	}
	must("queue length", netlink.LinkSetTxQLen(link, 4*window))
	address := &netlink.Addr{IPNet: &net.IPNet{IP: near.AsSlice(), Mask: net.CIDRMask(24, 32)}}
	must("address", netlink.AddrAdd(link, address))
	must("link up", netlink.LinkSetUp(link))
	// Answers go back a source route, to wherever it says.
	everywhere := &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}
	must("route", netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: everywhere}))
	// Answer every time. Both limits are held only against messages in the mask.
	must("rate", sysctl("icmp_ratemask", "0"))
	must("rate", sysctl("icmp_ratelimit", "0"))
	// It was the machine's before it became a namespace's.
	if err := sysctl("icmp_msgs_per_sec", "1000000"); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal("rate: ", err)
	}
	counters, err := os.Open("/proc/thread-self/net/snmp")
	must("counters", err)
	t.Cleanup(func() { counters.Close() })
	return &kernel{t: t, fd: fd, buf: make([]byte, 4096), snmp: counters}
}

// sysctl sets a value of this thread's network namespace.
func sysctl(name, value string) error {
	return os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0)
}

// newProbe makes an echo request with an option area.
func (k *kernel) newProbe(area []byte) *probe {
	hl := 20 + len(area)
	b := make([]byte, hl+8+payloadLen)
	b[0] = 0x40 | byte(hl/4)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	b[8], b[9] = 64, unix.IPPROTO_ICMP
	copy(b[12:], far.AsSlice())
	copy(b[16:], near.AsSlice())
	copy(b[20:], area)
	naive.Seal(b)
	return k.numbered(b)
}

// numbered makes packet an echo request that no other is. Its number is in its
// payload too, so that an echo can be told from that of any other.
func (k *kernel) numbered(packet []byte) *probe {
	k.next++
	icmp := packet[int(packet[0]&15)*4:]
	clear(icmp)
	icmp[0] = echoRequest
	binary.BigEndian.PutUint32(icmp[4:], k.next)
	copy(icmp[8:], "labl")
	binary.BigEndian.PutUint32(icmp[12:], ^k.next)
	binary.BigEndian.PutUint16(icmp[2:], ^naive.Sum(icmp))
	return &probe{packet: packet, number: k.next}
}

// ask sends at most a window of probes and fills in what the kernel answers. A
// last probe without options, which is always answered, marks the end: packets
// are judged one after another, and answered in that order.
func (k *kernel) ask(probes []*probe) {
	k.t.Helper()
	end := k.newProbe(nil)
	waiting := make(map[uint32]*probe, len(probes)+1)
	for _, p := range append(probes[:len(probes):len(probes)], end) {
		waiting[p.number] = p
		if _, err := unix.Write(k.fd, p.packet); err != nil {
			k.t.Fatalf("write to the tun device: %v", err)
		}
	}
	for end.answer == silent {
		n, err := unix.Read(k.fd, k.buf)
		switch err {
		case nil:
			k.receive(k.buf[:n], waiting)
		case unix.EINTR:
		case unix.EAGAIN:
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLIN}}, 10_000)
			if err != unix.EINTR && (err != nil || n == 0) {
				k.t.Fatalf("the kernel does not answer: %v", err)
			}
		default:
			k.t.Fatal("read from the tun device: ", err)
		}
	}
}

// receive matches a packet of the kernel to the probe that it answers.
func (k *kernel) receive(b []byte, waiting map[uint32]*probe) {
	if len(b) > 0 && b[0]>>4 == 6 {
		return // router solicitations of the new device
	}
	var header naive.Packet
	if f := header.Read(b); f.Fault != "" || b[9] != unix.IPPROTO_ICMP || len(b) < header.HeaderLen+8 {
		k.stray("no sound ICMP message", b)
		return
	}
	icmp := b[header.HeaderLen:]
	switch {
	case icmp[0] == echoReply && icmp[1] == 0:
		p := waited(waiting, icmp)
		if p == nil {
			k.stray("an echo of nothing that was sent", b)
			return
		}
		p.answer = taken
		if o := header.Find(134); o != nil {
			p.label = append([]byte(nil), b[o.At:o.At+o.Len]...)
		}
	case icmp[0] == parameterProblem && icmp[1] == 0:
		quote := icmp[8:]
		p := waited(waiting, quote[min(len(quote), int(append(quote, 0)[0]&15)*4):])
		if p == nil || len(p.packet) != len(quote) {
			k.stray("a quote of nothing that was sent", b)
			return
		}
		p.answer, p.pointer = refused, int(icmp[4])
	default:
		k.stray("another message", b)
	}
}

// waited returns the probe without an answer whose echo request, or the reply to
// it, is icmp; nil for none.
func waited(waiting map[uint32]*probe, icmp []byte) *probe {
	const identity = 4 + payloadLen // the number and the payload
	if len(icmp) != 4+identity {
		return nil
	}
	p := waiting[binary.BigEndian.Uint32(icmp[4:])]
	if p == nil || p.answer != silent || string(icmp[4:]) != string(p.packet[len(p.packet)-identity:]) {
		return nil
	}
	return p
}

func (k *kernel) stray(what string, b []byte) {
	k.unexplained++
	if k.unexplained <= 10 {
		k.t.Errorf("%s came from the kernel: %x", what, b)
	}
}
