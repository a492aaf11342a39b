package ipv4

import (
	"bytes"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestKernelErrors holds AppendError and Answerable against the errors that the
// running kernel sends, and has it find the sockets of repaired ones.
func TestKernelErrors(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		tun := openTun(t)
		t.Run("build", func(t *testing.T) { buildsAsKernel(t, tun) })
		t.Run("repair", func(t *testing.T) { findsItsSocket(t, tun) })
	})
}

func buildsAsKernel(t *testing.T, tun tunDevice) {
	closed := append([]byte{0xc3, 0x50, 0x27, 0x0f, 0, 0, 0, 0}, counting(30)...)
	closed[5] = byte(len(closed))
	unreachable, noProtocol := Error{Type: 3, Code: 3}, Error{Type: 3, Code: 2}
	addressed := func(p []byte, at int, address ...byte) []byte {
		copy(p[at:], address)
		return change(p)
	}
	tests := []struct {
		name   string
		packet []byte
		e      Error // as the kernel answers, if the packet is answerable
	}{
		{"closed port", toTun(makePacket(nil, 17, closed)), unreachable},
		{"with an option", toTun(makePacket([]byte{0x9e, 4, 1, 2}, 17, closed)), unreachable},
		{"no such protocol", toTun(makePacket(nil, 253, closed)), noProtocol},
		{"first fragment of it", change(toTun(makePacket(nil, 253, closed[:32])), 6, 0x20), Error{}},
		{"malformed option", toTun(makePacket([]byte{0x9e, 9, 1, 2}, 17, closed)), Error{Type: 12, Pointer: 20}},
		{"malformed option in a later fragment", change(toTun(makePacket([]byte{0x9e, 9, 1, 2}, 17, closed)), 7, 40), Error{}},
		{"malformed option of an error", toTun(makePacket([]byte{0x9e, 9, 1, 2}, 1, icmpError(3, makePacket(nil, 17, closed))[20:])), Error{}},
		{"malformed option of a query", toTun(makePacket([]byte{0x9e, 9, 1, 2}, 1, echoRequest(7, 1))), Error{Type: 12, Pointer: 20}},
		{"malformed option of ICMP type 200", toTun(makePacket([]byte{0x9e, 9, 1, 2}, 1, unhex(t, "c800 37ff 0000 0000"))), Error{}},
		{"to all hosts", addressed(toTun(makePacket(nil, 253, closed)), 16, 224, 0, 0, 1), Error{}},
		{"broadcast", addressed(toTun(makePacket(nil, 253, closed)), 16, 255, 255, 255, 255), Error{}},
		{"from network 0", addressed(toTun(makePacket(nil, 17, closed)), 12, 0, 0, 0, 0), Error{}},
		{"from loopback", addressed(toTun(makePacket(nil, 17, closed)), 12, 127, 0, 0, 1), Error{}},
		{"from a group", addressed(toTun(makePacket(nil, 17, closed)), 12, 224, 0, 0, 9), Error{}},
	}
	buf := make([]byte, 2048)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tun.t = t
			var v View
			v.Parse(tt.packet, Compat)
			// What the kernel keeps to wait for other fragments it does not answer yet,
			// though it may be answered.
			if want := tt.e.Type != 0 || v.MoreFragments; v.Answerable() != want {
				t.Errorf("Answerable %v", v.Answerable())
			}
			var got []byte
			for _, p := range [][]byte{tt.packet, toTun(makePacket(nil, 1, echoRequest(uint16(i), 2)))} {
				if _, err := unix.Write(tun.fd, p); err != nil {
					t.Fatal(err)
				}
			}
			for {
				p := tun.read(buf)
				m := p[int(p[0]&15)*4:]
				if p[9] != 1 {
					continue
				}
				if m[0] == 0 && m[5] == byte(i) && m[7] == 2 {
					break
				}
				got = bytes.Clone(m)
			}
			if tt.e.Type == 0 {
				if got != nil {
					t.Errorf("the kernel answers % x", got)
				}
				return
			}
			tt.e.Quoted = tt.packet
			wantPacket(t, AppendError(nil, tt.e), got)
		})
	}
}

// A socket sends; its datagram gets a label on its way; who refuses it quotes the
// label; the sender's kernel finds the socket by the repaired quote.
func findsItsSocket(t *testing.T, tun tunDevice) {
	for _, tt := range []struct {
		name  string
		quote int // bytes quoted behind the header
		less  int
	}{
		{"port unreachable", 1 << 16, 0},
		{"as little as may be", 8, 0},
		{"too big", 500, 16},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tun.t = t
			conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(10, 9, 0, 2), Port: 9999})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			raw, err := conn.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			if err := raw.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
			}); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write(make([]byte, 1400)); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 2048)
			p := tun.read(buf)
			for p[9] != protoUDP {
				p = tun.read(buf)
			}
			out := make([]byte, 2048)
			n, ok := mustParse(t, p, Strict).Rewrite(out, cipsoOption(14))
			if !ok {
				t.Fatal("no label put on")
			}
			e := Error{Type: 3, Code: 3, MTU: 1300, Quoted: out[:min(n, 36+tt.quote)]}
			if tt.less != 0 {
				e.Code = codeTooBig
			}
			answer := toTun(makePacket(nil, 1, AppendError(nil, e)))
			m, r := RepairQuote(buf, copy(buf, answer), nil, tt.less)
			if r != QuoteRepaired {
				t.Fatal(r)
			}
			if _, err := unix.Write(tun.fd, buf[:m]); err != nil {
				t.Fatal(err)
			}
			conn.SetReadDeadline(time.Now().Add(2 * time.Second))
			want := syscall.ECONNREFUSED
			if tt.less != 0 {
				want = syscall.EMSGSIZE
			}
			if _, err := conn.Read(buf); !errors.Is(err, want) {
				t.Errorf("the socket hears of %v", err)
			}
			if tt.less == 0 {
				return
			}
			var mtu int
			raw.Control(func(fd uintptr) { mtu, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU) })
			if err != nil || mtu != 1300-tt.less {
				t.Errorf("MTU %d, %v", mtu, err)
			}
		})
	}
}
