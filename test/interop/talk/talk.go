// Package talk sends and hears what the interoperability tests look at: over
// TCP, UDP and ICMP, with what the kernel says about the other side's label. The
// same code runs in a Smack guest and on hosts without Smack.
package talk

import (
	"net/netip"
	"time"
)

// Proto is one of the protocols.
type Proto string

// The protocols.
const (
	UDP  Proto = "udp"  // one datagram, no answer
	TCP  Proto = "tcp"  // a connection with Size bytes each way
	ICMP Proto = "icmp" // an echo request of a ping socket, and its reply
)

// Protos lists the protocols.
func Protos() []Proto { return []Proto{UDP, TCP, ICMP} }

// Number returns the protocol's number in IP headers.
func (p Proto) Number() uint8 {
	switch p {
	case UDP:
		return 17
	case TCP:
		return 6
	}
	return 1
}

// Send is one thing to be said.
type Send struct {
	Proto   Proto          `json:"proto"`
	From    uint16         `json:"from"`    // source port, for ICMP the identifier: tells it from everything else
	To      netip.AddrPort `json:"to"`      // its port means nothing to ICMP
	Size    int            `json:"size"`    // of the payload in bytes; TCP: each way
	Timeout time.Duration  `json:"timeout"` // for all of it
}

// Answer is what became of it, seen from who sent it.
type Answer struct {
	Label string `json:"label"`         // of the process that sent it; "" without Smack
	Back  bool   `json:"back"`          // TCP: all came back; ICMP: the reply came
	Peer  string `json:"peer"`          // label of who answered, as far as the kernel says
	Err   string `json:"err,omitempty"` // what the sender was told
}

// Heard is something that reached a process.
type Heard struct {
	Label string         `json:"label"` // of the process that heard it; "" without Smack
	Proto Proto          `json:"proto"`
	From  netip.AddrPort `json:"from"`
	Bytes int            `json:"bytes"` // of payload; 0 for a connection that was only opened
	Peer  string         `json:"peer"`  // the sender's label, as the kernel says; "" without Smack
}

// Do says it, and waits for the answer if there is to be one.
func (s Send) Do() Answer {
	a := Answer{Label: Own()}
	var err error
	switch s.Proto {
	case UDP:
		err = s.udp()
	case TCP:
		a.Peer, err = s.tcp()
	case ICMP:
		a.Peer, err = s.icmp()
	}
	a.Back = err == nil && s.Proto != UDP
	if err != nil {
		a.Err = err.Error()
	}
	return a
}

// payload is what the packets of a Send hold.
func payload(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = 'a' + byte(i%23)
	}
	return b
}
