package icmp

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func TestOpenWithoutCapability(t *testing.T) {
	l := newLab(t)
	err := inside(l.a, func() error {
		// Capabilities are a thread's, and this one ends with the function.
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			return err
		}
		s, err := Open(Config{})
		if err == nil {
			s.Close()
		}
		return err
	})
	if !errors.Is(err, os.ErrPermission) {
		t.Errorf("Open: %v", err)
	}
}
