package icmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"labelgate/internal/ipv4"
)

// What the hosts see on the wire: the address of the interface that leads to
// them, and the header that was asked for.
func TestOnTheWire(t *testing.T) {
	l := newLab(t)
	c := unlimited
	c.Errorf = t.Errorf
	s := openIn(t, l.gateway, c)
	run(t, s)
	toA, toB := wiretap(t, l.a, "a0"), wiretap(t, l.b, "b0")
	tests := []struct {
		name     string
		to, from string
		quote    int
		next     func() []byte
	}{
		{"to one host", hostA, gatewayA, 28, toA},
		{"to the other", hostB, gatewayB, 28, toB},
		{"by a router", behindB, gatewayB, 28, toB},
		{"shortest", hostA, gatewayA, 0, toA},
		{"odd", hostA, gatewayA, 33, toA},
		{"longest", hostB, gatewayB, MaxMessage - icmpHeaderLen, toB},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			message := prohibited(7, tt.quote)
			to := netip.MustParseAddr(tt.to)
			if !s.Send(0, Notice{To: to, Message: message, Label: 3}) {
				t.Fatal("refused")
			}
			got := tt.next()
			// The kernel chooses the identification and computes the checksum.
			id, sum := got[4:6], got[10:12]
			from := netip.MustParseAddr(tt.from).As4()
			dst := to.As4()
			want := []byte{0x45, 0xc0, 0, 0, id[0], id[1], 0, 0, 64, 1, sum[0], sum[1]}
			binary.BigEndian.PutUint16(want[2:], uint16(headerLen+len(message)))
			want = append(append(append(want, from[:]...), dst[:]...), message...)
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if ipv4.Checksum(got[:headerLen]) != 0 || ipv4.Checksum(got[headerLen:]) != 0 {
				t.Error("a checksum is wrong")
			}
			if label, _, ok := s.Own(0, to, got[headerLen:]); label != 3 || !ok {
				t.Errorf("Own: %d, %v", label, ok)
			}
		})
	}
}

// What the kernel does not take ends nothing.
func TestKernelRefuses(t *testing.T) {
	l := newLab(t)
	tests := []struct {
		name, to string
	}{
		{"no route", "10.1.2.3"},
		{"a subnet's broadcast address", "192.0.2.255"},
	}
	complaints := make(chan string, len(tests)+1)
	c := unlimited
	c.Errorf = func(_ string, args ...any) { complaints <- args[0].(netip.Addr).String() }
	s := openIn(t, l.gateway, c)
	run(t, s)
	next := wiretap(t, l.a, "a0")
	for i, tt := range tests {
		if !s.Send(0, Notice{To: netip.MustParseAddr(tt.to), Message: prohibited(1, 28)}) {
			t.Fatal("refused")
		}
		if got := <-complaints; got != tt.to {
			t.Errorf("%s: complaint %d is about %s", tt.name, i, got)
		}
	}
	if !s.Send(0, Notice{To: netip.MustParseAddr(hostA), Message: prohibited(2, 28)}) {
		t.Fatal("refused")
	}
	if d := cmp.Diff(prohibited(2, 28), next()[headerLen:]); d != "" {
		t.Error(d)
	}
	until(t, "not counted", func() bool { return s.Stats() == Stats{Sent: 1, Failed: 2} })
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if !s.Send(0, Notice{To: netip.MustParseAddr(hostA), Message: prohibited(3, 28)}) {
		t.Error("refused after Close")
	}
	until(t, "sent after Close", func() bool { return s.Stats() == Stats{Sent: 1, Failed: 3} })
}

// withoutCapabilities runs f on a thread of the namespace that has none.
func withoutCapabilities(ns netns.NsHandle, f func() error) error {
	return inside(ns, func() error {
		// Capabilities are a thread's, and this one ends with the function.
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			return err
		}
		return f()
	})
}

func TestOpenWithoutCapability(t *testing.T) {
	l := newLab(t)
	err := withoutCapabilities(l.a, func() error {
		f, err := OpenSocket()
		if err == nil {
			f.Close()
		}
		return err
	})
	if !errors.Is(err, os.ErrPermission) {
		t.Errorf("OpenSocket: %v", err)
	}
}

// Who is given a socket sends by it without any capability, and from the socket's
// namespace, not its own. It may have been made to wait on its way here.
func TestSendWithoutCapability(t *testing.T) {
	l := newLab(t)
	next := wiretap(t, l.a, "a0")
	var socket *os.File
	if err := inside(l.gateway, func() (err error) { socket, err = OpenSocket(); return err }); err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	given, err := unix.FcntlInt(socket.Fd(), unix.F_DUPFD_CLOEXEC, 0) // Fd makes it one that waits
	if err != nil {
		t.Fatal(err)
	}
	message := prohibited(9, 28)
	err = withoutCapabilities(l.b, func() error {
		s, err := New(unlimited, os.NewFile(uintptr(given), "given"))
		if err != nil {
			return err
		}
		defer s.Close()
		s.Send(0, Notice{To: netip.MustParseAddr(hostA), Message: message})
		s.drain()
		if n := s.Stats(); n != (Stats{Sent: 1}) {
			return fmt.Errorf("%+v", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := next(); !bytes.Equal(got[headerLen:], message) {
		t.Errorf("%x arrived", got)
	}
}

// A descriptor of something else is refused, and stays the caller's.
func TestNewRefuses(t *testing.T) {
	needRoot(t)
	files := map[string]func() (*os.File, error){
		"a file": func() (*os.File, error) { return os.Open(os.DevNull) },
		"a pipe": func() (*os.File, error) { r, w, err := os.Pipe(); w.Close(); return r, err },
		"a socket of UDP": func() (*os.File, error) {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			return os.NewFile(uintptr(fd), "udp"), err
		},
		"a raw socket without headers": func() (*os.File, error) {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
			return os.NewFile(uintptr(fd), "icmp"), err
		},
	}
	for name, open := range files {
		t.Run(name, func(t *testing.T) {
			f, err := open()
			if err != nil {
				t.Fatal(err)
			}
			if s, err := New(Config{}, f); err == nil {
				s.Close()
				t.Error("taken")
			} else if !errors.Is(err, errNotRaw) {
				t.Error(err)
			}
			if err := f.Close(); err != nil {
				t.Errorf("the caller's file: %v", err)
			}
		})
	}
}
