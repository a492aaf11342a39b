package icmp

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestPacket(t *testing.T) {
	tests := []struct {
		name   string
		to     string
		quote  int
		header string // without addresses
	}{
		{"shortest", "192.0.2.2", 0, "45c0001c 00000000 40010000"},
		{"usual", "198.51.100.7", 28, "45c00038 00000000 40010000"},
		{"longest", "192.0.2.2", MaxMessage - icmpHeaderLen, "45c00240 00000000 40010000"},
		{"written as IPv6", "::ffff:192.0.2.2", 28, "45c00038 00000000 40010000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakePort{}
			s := newSender(unlimited, f)
			// A buffer that was used before must show nothing of that.
			for n := range uint32(ringSize) {
				if !s.Send(0, Notice{To: netip.MustParseAddr("203.0.113.9"), Message: prohibited(n, MaxMessage-icmpHeaderLen)}) {
					t.Fatal("the ring cannot be filled")
				}
			}
			s.drain()
			f.sent, f.to = nil, nil
			to, message := netip.MustParseAddr(tt.to), prohibited(7, tt.quote)
			want := fmt.Sprintf("%s 00000000 %x", tt.header, to.Unmap().As4())
			given := append([]byte(nil), message...)
			if !s.Send(2*lifetime, Notice{To: to, Message: given}) {
				t.Fatal("refused")
			}
			clear(given) // Send took a copy
			s.drain()
			if len(f.sent) != 1 || f.to[0] != to.Unmap().As4() {
				t.Fatalf("sent %d packets, to %v", len(f.sent), f.to)
			}
			h := f.sent[0][:headerLen]
			if got := fmt.Sprintf("%x %x %x %x %x", h[:4], h[4:8], h[8:12], h[12:16], h[16:]); got != want {
				t.Errorf("header\n%s, want\n%s", got, want)
			}
			if d := cmp.Diff(message, f.sent[0][headerLen:]); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestUnfit(t *testing.T) {
	tests := []struct {
		name   string
		to     string
		length int
		sent   bool
	}{
		{"shortest", "192.0.2.2", 8, true},
		{"longest", "192.0.2.2", MaxMessage, true},
		{"first of the hosts", "1.0.0.0", 8, true},
		{"last of the hosts", "223.255.255.255", 8, true},
		{"nothing", "192.0.2.2", 0, false},
		{"too short", "192.0.2.2", 7, false},
		{"too long", "192.0.2.2", MaxMessage + 1, false},
		{"no address", "", 8, false},
		{"IPv6", "2001:db8::1", 8, false},
		{"unspecified", "0.0.0.0", 8, false},
		{"this network", "0.1.2.3", 8, false},
		{"loopback", "127.0.0.1", 8, false},
		{"group", "224.0.0.1", 8, false},
		{"reserved", "240.0.0.1", 8, false},
		{"broadcast", "255.255.255.255", 8, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSender(unlimited, idlePort{})
			to, _ := netip.ParseAddr(tt.to)
			message := make([]byte, tt.length)
			if ok := s.Send(0, Notice{To: to, Message: message}); ok != tt.sent {
				t.Errorf("Send = %v", ok)
			}
			if _, _, ok := s.Own(0, to, message); ok != tt.sent {
				t.Errorf("Own = %v", ok)
			}
			s.drain()
			want := Stats{Unfit: 1}
			if tt.sent {
				want = Stats{Sent: 1}
			}
			if d := cmp.Diff(want, s.Stats()); d != "" {
				t.Error(d)
			}
		})
	}
}

// Without Run nothing waits for it, and what was taken is written once it runs.
func TestFull(t *testing.T) {
	f := &fakePort{}
	s := newSender(unlimited, f)
	send := func(now time.Duration, n uint32) bool {
		return s.Send(now, Notice{To: receiver, Message: prohibited(n, 28)})
	}
	for n := range uint32(ringSize) {
		if !send(0, n) {
			t.Fatalf("message %d was refused", n)
		}
	}
	if send(0, ringSize) || send(time.Hour, ringSize) {
		t.Error("a buffer that was not written was used again")
	}
	if _, _, ok := s.Own(time.Hour, receiver, prohibited(1, 28)); ok {
		t.Error("a message that waited too long to be written is known")
	}
	s.drain()
	if !send(time.Hour, ringSize) {
		t.Error("refused after everything was written and grew old")
	}
	s.drain()
	if d := cmp.Diff(Stats{Sent: ringSize + 1, Full: 2}, s.Stats()); d != "" {
		t.Error(d)
	}
	for n, p := range f.sent {
		if got := binary.BigEndian.Uint32(p[headerLen+icmpHeaderLen:]); got != uint32(n) {
			t.Fatalf("message %d came as the %dth", got, n)
		}
	}
}

// The default limits never meet a full ring, though nothing ever comes by.
func TestDefaultLimitsFitTheRing(t *testing.T) {
	s := newSender(Config{All: Limit{100, 50}, Network: Limit{10, 10}}, idlePort{})
	n := uint32(0)
	for now := time.Duration(0); now < time.Minute; now += time.Millisecond {
		n++
		s.Send(now, Notice{To: netip.AddrFrom4(address(int(n%5000), 1)), Message: prohibited(n, 28)})
		s.drain()
	}
	if st := s.Stats(); st.Full != 0 || st.Sent != 50+100*60-1 {
		t.Errorf("%+v", st)
	}
}

// A million notices at once: the limits hold and nothing grows.
func TestFlood(t *testing.T) {
	const flood = 1_000_000
	s := newSender(Config{All: Limit{100, 50}, Network: Limit{10, 10}}, idlePort{})
	message := prohibited(0, 28)
	var now time.Duration
	// Called twice, the first time to warm up.
	allocations := testing.AllocsPerRun(1, func() {
		for n := range flood {
			now += time.Microsecond
			binary.BigEndian.PutUint32(message[icmpHeaderLen:], uint32(n))
			s.Send(now, Notice{To: netip.AddrFrom4(address(n%65536, n%256)), Message: message})
			s.drain()
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
	// In not quite two seconds.
	if st := s.Stats(); st.Sent != 50+199 || st.Sent+st.Limited != 2*flood {
		t.Errorf("%+v", st)
	}
}

func TestNoAllocations(t *testing.T) {
	s := newSender(unlimited, idlePort{})
	refused := newSender(Config{All: Limit{1, 1}, Network: Limit{1, 1}}, idlePort{})
	message, other := prohibited(1, 28), prohibited(2, 28)
	tests := []struct {
		name string
		f    func()
	}{
		{"Send and Own", func() {
			s.Send(0, Notice{To: receiver, Message: message})
			s.drain()
			if _, _, ok := s.Own(0, receiver, message); !ok {
				t.Error("not known again")
			}
		}},
		{"Send, limited", func() { refused.Send(0, Notice{To: receiver, Message: message}) }},
		{"Own, another's", func() { s.Own(0, receiver, other) }},
		{"Stats", func() { s.Stats() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(5000, tt.f); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func TestFailingSocket(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EPERM, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ENOBUFS, unix.EINVAL, unix.EAGAIN, unix.EBADF} {
		t.Run(errno.Error(), func(t *testing.T) {
			const messages = 100
			var complaints []string
			c := unlimited
			c.Errorf = func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
			s := newSender(c, &fakePort{fails: errno})
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error)
			go func() { done <- s.Run(ctx) }()
			for n := range uint32(messages) {
				if !s.Send(0, Notice{To: receiver, Message: prohibited(n, 28)}) {
					t.Fatal("refused")
				}
			}
			until(t, "Run has ended", func() bool { return s.Stats().Failed == messages })
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
			if d := cmp.Diff(Stats{Failed: messages}, s.Stats()); d != "" {
				t.Error(d)
			}
			if len(complaints) != 7 { // 1, 2, 4 ... 64
				t.Errorf("%d complaints: %q", len(complaints), complaints)
			}
			if want := "icmp: error to 192.0.2.2 not sent: " + errno.Error() + " (64 so far)"; !strings.HasPrefix(complaints[len(complaints)-1], want) {
				t.Errorf("%q, want %q", complaints[len(complaints)-1], want)
			}
		})
	}
}

func TestNewRefusesLimits(t *testing.T) {
	for _, c := range []Config{{All: Limit{PerSecond: 1}}, {Network: Limit{Burst: -1}}} {
		if s, err := New(c, os.Stdin); err == nil || !strings.Contains(err.Error(), "limit") {
			t.Errorf("New(%+v) = %v, %v", c, s, err)
		}
	}
}
