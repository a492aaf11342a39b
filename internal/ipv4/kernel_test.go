package ipv4

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestKernelAgrees asks the running kernel. Random option areas go in through a
// tun device of a network namespace of our own, which ends with the process; what
// the kernel points at in its parameter problem, Parse has to point at too.
func TestKernelAgrees(t *testing.T) { inNamespace(t, askKernel) }

// inNamespace runs the test f in a process of its own, in a network namespace that
// ends with it.
func inNamespace(t *testing.T, f func(*testing.T)) {
	if os.Getenv("LABELGATE_TEST_CHILD") != "" {
		f(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "LABELGATE_TEST_CHILD=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Skipf("no user and network namespace of our own: %v", err)
	}
	text := string(out)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if strings.Contains(text, "--- SKIP") {
		t.Skip(text)
	}
	t.Log(text)
}

func askKernel(t *testing.T) {
	tun := openTun(t)
	strange := toTun(makePacket([]byte{134, 10, 0x7f, 0xfe, 0xdc, 0xba, 1, 4, 0, 1}, 1, echoRequest(0, 1)))
	if pointer, _ := tun.probe(strange, 0); pointer != 22 {
		t.Skip("this kernel does not look into CIPSO options (no NetLabel)")
	}
	r := rand.New(rand.NewPCG(5, 6))
	var refused, taken, silent int
	deadline := time.Now().Add(5 * time.Second)
	for i := 0; i < 20_000 && time.Now().Before(deadline); i++ {
		options := randomOptions(r)
		p := toTun(makePacket(options, 1, echoRequest(uint16(i), 1)))

		var v View
		want := -1
		if f := v.Parse(p, Compat); f.Code != NoFault {
			want = int(f.Pointer)
		}
		if v.CIPSO != 0 && (want < 0 || v.CIPSO < want) {
			// No domain of interpretation is what these options say it is.
			want = v.CIPSO + 2
			if v.CIPSOLen < 8 {
				want = v.CIPSO + 1
			}
		}
		got, answered := tun.probe(p, uint16(i))
		switch {
		case !answered && want >= 0:
			// Linux turns a source route around for its answer, which then has
			// nowhere to go.
			silent++
		case got != want:
			t.Errorf("% x: the kernel points at %d, we at %d", options, got, want)
		case want >= 0:
			refused++
		default:
			taken++
		}
	}
	t.Logf("%d refused at the same byte, %d taken, %d without an answer", refused, taken, silent)
	if refused < 100 || taken < 100 || silent > refused/10 {
		t.Error("too few answers to say anything")
	}
}

// toTun readdresses a packet from the far end of the tun device to the near one.
func toTun(p []byte) []byte {
	copy(p[12:], []byte{10, 9, 0, 2, 10, 9, 0, 1})
	fixChecksum(p)
	return p
}

// randomOptions makes option areas that are half right.
func randomOptions(r *rand.Rand) []byte {
	types := []byte{0, 1, 7, 7, 68, 68, 131, 137, 148, 134, 134, 136, 130, 133, 30, byte(r.Uint32())}
	var b []byte
	for size := 4 + r.IntN(37); len(b) < size; {
		kind := types[r.IntN(len(types))]
		if kind < 2 {
			b = append(b, kind)
			continue
		}
		n := 2 + r.IntN(12)
		o := make([]byte, n)
		for i := range o {
			if r.IntN(3) == 0 {
				o[i] = byte(r.Uint32())
			}
		}
		o[0], o[1] = kind, byte(n)
		if n > 2 {
			o[2] = byte(r.IntN(n + 6))
		}
		if n > 3 && kind == 68 {
			o[3] = byte(r.IntN(5) | r.IntN(2)*0xf0)
		}
		if n > 5 && kind == 134 {
			copy(o[2:], []byte{0x7f, 0xfe, 0xdc, 0xba})
		}
		if r.IntN(12) == 0 {
			o[1] = byte(r.IntN(44))
		}
		b = append(b, o...)
	}
	return b[:min(len(b), 40)]
}

// echoRequest is a ping: sequence 1 the question, 2 the mark behind it.
func echoRequest(id, sequence uint16) []byte {
	b := append([]byte{8, 0, 0, 0}, 0, 0, 0, 0)
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], sequence)
	binary.BigEndian.PutUint16(b[2:], naiveChecksum(b))
	return b
}

type tunDevice struct {
	t  *testing.T
	fd int
}

func openTun(t *testing.T) tunDevice {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no tun device: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	request, err := unix.NewIfreq("probe0")
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		t.Skipf("no tun device of our own: %v", err)
	}
	link, err := netlink.LinkByName("probe0")
	if err != nil {
		t.Fatal(err)
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(10, 9, 0, 1), Mask: net.CIDRMask(24, 32)}}
	if err := netlink.AddrAdd(link, address); err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		t.Fatal(err)
	}
	// Answer every time.
	if err := os.WriteFile("/proc/sys/net/ipv4/icmp_ratemask", []byte("0"), 0); err != nil {
		t.Skipf("the limit on ICMP errors stays: %v", err)
	}
	return tunDevice{t, fd}
}

// probe sends p and returns the pointer of the parameter problem that comes back,
// -1 for none, and whether there was any answer.
func (d tunDevice) probe(p []byte, id uint16) (pointer int, answered bool) {
	d.t.Helper()
	mark := toTun(makePacket(nil, 1, echoRequest(id, 2)))
	for _, b := range [][]byte{p, mark} {
		if _, err := unix.Write(d.fd, b); err != nil {
			d.t.Fatal(err)
		}
	}
	pointer = -1
	buf := make([]byte, 2048)
	for {
		p := d.read(buf)
		if p[9] != 1 {
			continue
		}
		icmp := p[int(p[0]&15)*4:]
		switch [2]byte{icmp[0], icmp[1]} {
		case [2]byte{0, 0}:
			if binary.BigEndian.Uint16(icmp[4:]) == id && icmp[7] == 2 {
				return pointer, answered
			}
			answered = true
		case [2]byte{12, 0}:
			pointer, answered = int(icmp[4]), true
		}
	}
}

// read returns the next IPv4 packet that the kernel sends.
func (d tunDevice) read(buf []byte) []byte {
	d.t.Helper()
	for {
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}}, 2000); err == unix.EINTR {
			continue
		} else if err != nil || n == 0 {
			d.t.Fatalf("the kernel does not answer: %v", err)
		}
		n, err := unix.Read(d.fd, buf)
		if err != nil {
			d.t.Fatal(err)
		}
		if n >= 28 && buf[0]>>4 == 4 { // no router solicitations of IPv6
			return buf[:n]
		}
	}
}
