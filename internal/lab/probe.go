package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"
)

// Proto is what a probe is sent by.
type Proto uint8

// The protocols.
const (
	UDP  Proto = iota // one datagram, no answer
	TCP               // a connection with Size bytes each way
	ICMP              // an echo and its reply
)

// Protos lists the protocols.
func Protos() []Proto { return []Proto{UDP, TCP, ICMP} }

// String returns the word used in topology files.
func (p Proto) String() string { return [...]string{"udp", "tcp", "icmp"}[p%3] }

// Number returns the protocol's number in IP headers.
func (p Proto) Number() uint8 { return [...]uint8{17, 6, 1}[p%3] }

func parseProto(name string) (Proto, bool) {
	for _, p := range Protos() {
		if p.String() == name {
			return p, true
		}
	}
	return 0, false
}

// Probe is one attempt to get data from one node to another.
type Probe struct {
	From, To string
	Proto    Proto
	Size     int           // bytes of payload, at least 16; 64 when 0. TCP: each way
	Timeout  time.Duration // for all of it; when 0, a second and one more for each 256 KiB
}

// Result is what became of a probe.
type Result struct {
	Reached   bool          // the first packet arrived at To
	Delivered bool          // all of it arrived intact: UDP the datagram, TCP both ways, ICMP the reply
	Bytes     int           // of payload that arrived intact at To
	RTT       time.Duration // UDP: one way; TCP: until it was connected; ICMP: there and back. Valid iff Delivered
	Err       error         // what the sender was told, if anything; a deadline that passed is os.ErrDeadlineExceeded

	// Ports tell the probe's packets from others. Not valid for ICMP.
	SourcePort, DestPort uint16
}

// Outcome puts the result into a word.
func (r *Result) Outcome() Outcome {
	switch {
	case r.Delivered:
		return Passed
	case r.Reached:
		return OneWay
	}
	return Dropped
}

// Probe sends a probe and waits for what becomes of it. Every probe has sockets
// and a payload of its own, so that any number may run at once. An error says
// that the probe could not be carried out; a packet that did not arrive is none.
func (l *Lab) Probe(ctx context.Context, p Probe) (Result, error) {
	if p.From == p.To {
		return Result{}, fmt.Errorf("probe from %s to itself", p.From)
	}
	from, err := l.node(p.From)
	if err != nil {
		return Result{}, err
	}
	to, err := l.node(p.To)
	if err != nil {
		return Result{}, err
	}
	if p.Size == 0 {
		p.Size = 64
	}
	if p.Size < idSize {
		return Result{}, fmt.Errorf("probe of %d bytes: the least is %d", p.Size, idSize)
	}
	if p.Timeout <= 0 {
		p.Timeout = time.Second + time.Duration(p.Size)*time.Second/(256<<10)
	}
	s := shot{from: from, to: to, payload: newPayload(p.Size), timeout: p.Timeout}
	if s.src, err = l.Address(p.From, p.To); err != nil {
		return Result{}, err
	}
	if s.dst, err = l.Address(p.To, p.From); err != nil {
		return Result{}, err
	}
	switch p.Proto {
	case UDP:
		err = s.udp(ctx)
	case TCP:
		err = s.tcp(ctx)
	case ICMP:
		err = s.icmp(ctx)
	default:
		err = fmt.Errorf("no protocol %d", p.Proto)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return s.result, fmt.Errorf("%s probe from %s to %s: %w", p.Proto, p.From, p.To, err)
	}
	return s.result, nil
}

// shot is a probe on its way.
type shot struct {
	from, to *node
	src, dst netip.Addr
	payload  []byte
	timeout  time.Duration
	result   Result
}

// deadliner is any socket.
type deadliner interface {
	SetDeadline(time.Time) error
	Close() error
}

// arm limits a socket to the shot's time, and less when ctx ends. The function
// that it returns closes it.
func (s *shot) arm(ctx context.Context, c deadliner) (done func()) {
	c.SetDeadline(time.Now().Add(s.timeout))
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	return func() {
		stop()
		c.Close()
	}
}

// fail keeps what the sender was told.
func (s *shot) fail(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		err = os.ErrDeadlineExceeded // less the addresses, which everybody knows
	}
	if s.result.Err == nil {
		s.result.Err = err
	}
}
