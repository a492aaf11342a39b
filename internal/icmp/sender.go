package icmp

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"time"
)

// MaxMessage is the most bytes of a message, from the ICMP type to its end: with
// the IP header in front of it, it is as long as a packet that every host takes
// (RFC 1812 section 4.3.2.3). The option that may be added at OUTPUT comes on top.
const MaxMessage = maxPacket - headerLen

// Config says how to send. The zero value sends at the default rates.
type Config struct {
	// All limits what is sent in all, 100 a second and 50 at once by default.
	All Limit
	// Network limits what is sent to one /24, 10 a second and 10 at once by
	// default. Networks may share a limit by chance.
	Network Limit
	// Errorf is told of messages that the kernel did not take, at most once for
	// each doubling of their count, from Run's goroutine. It may be nil.
	Errorf func(format string, args ...any)
}

// Notice is a message for the sender of a dropped packet.
type Notice struct {
	// To is the source address of the dropped packet, an IPv4 address (which may
	// be written as an IPv6 one).
	To netip.Addr
	// Message is the whole ICMP message without IP header, its checksum right. It
	// has at least 8 and at most MaxMessage bytes, and is copied.
	Message []byte
	// Label and Generation are given back by Own: the label to send the message
	// with, and the policy whose number that is.
	Label, Generation uint32
}

// Sender sends ICMP errors. Send and Own belong to one goroutine, Run to another.
type Sender struct {
	port   port
	errorf func(string, ...any)
	counts counts

	// The judge's side.
	now     time.Duration // the latest that was heard
	limiter limiter
	ring    ring

	// waiting hands buffers from Send to Run. There is room for all of them.
	waiting chan *buffer
}

// Open is OpenSocket and New, for those that may do both.
func Open(c Config) (*Sender, error) {
	socket, err := OpenSocket()
	if err != nil {
		return nil, err
	}
	s, err := New(c, socket)
	if err != nil {
		socket.Close()
	}
	return s, err
}

// New makes a Sender that sends by a socket of OpenSocket, perhaps of another
// process's: neither making the Sender nor sending takes a capability. The Sender
// has the file from then on, and Close closes it; after an error it is still the
// caller's.
func New(c Config, socket *os.File) (*Sender, error) {
	if c.All == (Limit{}) {
		c.All = Limit{PerSecond: 100, Burst: 50}
	}
	if c.Network == (Limit{}) {
		c.Network = Limit{PerSecond: 10, Burst: 10}
	}
	for _, l := range []Limit{c.All, c.Network} {
		if err := l.check(); err != nil {
			return nil, fmt.Errorf("icmp: %w", err)
		}
	}
	p, err := newRawSocket(socket)
	if err != nil {
		return nil, fmt.Errorf("icmp: %w", err)
	}
	return newSender(c, p), nil
}

func newSender(c Config, p port) *Sender {
	if c.Errorf == nil {
		c.Errorf = func(string, ...any) {}
	}
	s := &Sender{
		port: p, errorf: c.Errorf,
		limiter: newLimiter(c.All, c.Network),
		waiting: make(chan *buffer, ringSize),
	}
	s.ring.init()
	return s
}

// Close closes the socket. Nothing is sent any more. Closing twice is harmless.
func (s *Sender) Close() error { return s.port.close() }

// Send hands a copy of a message over to be sent, and reports whether it will be
// tried; why not is counted. It never waits. now is the time since any fixed
// moment by a clock that does not go back, the same for Send and Own.
//
// Nothing is sent to what cannot be one host (RFC 1812 section 4.3.2.7); a
// subnet's broadcast address is refused by the kernel. Whether the dropped packet
// was itself an error or a later fragment is for the caller to look at.
func (s *Sender) Send(now time.Duration, n Notice) bool {
	now = s.tick(now)
	to, ok := host(n.To)
	if !ok || len(n.Message) < icmpHeaderLen || len(n.Message) > MaxMessage {
		s.counts.unfit.Add(1)
		return false
	}
	if s.ring.full() {
		s.counts.full.Add(1)
		return false
	}
	if !s.limiter.allow(now, to) {
		s.counts.limited.Add(1)
		return false
	}
	// Of two equal messages nobody could tell which is which. Packets that differ
	// in nothing but their label can bring that about.
	if b := s.ring.find(now, to, n.Message); b != nil && (b.label != n.Label || b.generation != n.Generation) {
		s.counts.unfit.Add(1)
		return false
	}
	s.waiting <- s.ring.add(now, to, &n) // never waits: see waiting
	return true
}

// Own reports whether a message that this machine sends to an address is one that
// Send took within the last five seconds, and with which label. message is
// everything behind the IP header, to the end that the header gives. Each message
// that Send took is known again once; of equal ones the oldest goes first. message
// is not kept.
//
// A program that may write raw packets and sends the very same message first is
// taken for the Sender; then the Sender's own, which tells nothing else, is not
// known again.
func (s *Sender) Own(now time.Duration, to netip.Addr, message []byte) (label, generation uint32, ok bool) {
	now = s.tick(now)
	address, ok := host(to)
	if !ok || len(message) < icmpHeaderLen || len(message) > MaxMessage {
		return 0, 0, false
	}
	b := s.ring.find(now, address, message)
	if b == nil {
		return 0, 0, false
	}
	s.ring.forget(b)
	return b.label, b.generation, true
}

// tick moves the clock, which does not go back, and frees what it can.
func (s *Sender) tick(now time.Duration) time.Duration {
	s.now = max(s.now, now)
	s.ring.reclaim(s.now)
	return s.now
}

// host returns the bytes of an address that may be one host's.
func host(a netip.Addr) (b [4]byte, ok bool) {
	a = a.Unmap()
	if !a.Is4() {
		return b, false
	}
	b = a.As4()
	// The networks 0 and 127 never come from outside, and from 224 on it is groups,
	// reserved addresses and broadcasts. The kernel takes 0.0.0.0 for itself.
	return b, b[0] != 0 && b[0] != 127 && b[0] < 224
}

// Run writes what was handed over until ctx ends, and then returns nil; what waits
// at that moment is not sent. A message that the kernel does not take is counted
// and told to Errorf; it never ends Run. Only one Run may run.
func (s *Sender) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case b := <-s.waiting:
			s.write(b)
		}
	}
}

func (s *Sender) write(b *buffer) {
	to := b.to()
	err := s.port.send(b.packet(), to)
	// From here on the buffer may be another message's.
	b.written.Store(true)
	if err == nil {
		s.counts.sent.Add(1)
		return
	}
	if n := s.counts.failed.Add(1); n&(n-1) == 0 {
		s.errorf("icmp: error to %v not sent: %v (%d so far)", netip.AddrFrom4(to), err, n)
	}
}
