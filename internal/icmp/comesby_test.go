package icmp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"labelgate/internal/ipv4"
	"labelgate/internal/mark"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

// smallJudge drops what comes from a host and tells it so, and lets out of this
// machine what is known again.
type smallJudge struct {
	s       *Sender
	start   time.Time
	leaving chan string // what was thought of each packet at OUTPUT
}

func (j *smallJudge) Handle(packets []queue.Packet, verdicts []queue.Verdict) {
	now := time.Since(j.start)
	for i := range packets {
		p := packets[i].Payload
		if packets[i].Hook != queue.Output {
			m := prohibited(0, headerLen+icmpHeaderLen)
			copy(m[icmpHeaderLen:], p)
			m[2], m[3] = 0, 0
			sum := ipv4.Checksum(m)
			m[2], m[3] = byte(sum>>8), byte(sum)
			j.s.Send(now, Notice{To: netip.AddrFrom4([4]byte(p[12:])), Message: m, Label: 7, Generation: 8})
			continue
		}
		label, generation, ok := j.s.Own(now, netip.AddrFrom4([4]byte(p[16:])), p[headerLen:])
		if ok {
			verdicts[i] = queue.Verdict{Accept: true, SetMark: true, Mark: uint32(mark.ForZone(generation, 1))}
		}
		j.leaving <- fmt.Sprint(label, generation, ok)
	}
}

// The way that an error takes in a gateway: a packet is dropped in the queue, its
// sender is told, the message comes by in the same queue, is known, and the host's
// kernel believes it. The same message from another program is not let out.
func TestComesBy(t *testing.T) {
	l := newLab(t)
	c := unlimited
	c.Errorf = t.Errorf
	s := openIn(t, l.gateway, c)
	run(t, s)
	const number = 79
	q, err := queue.Open(queue.Config{Number: number, NetNS: int(l.gateway), Errorf: t.Errorf})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if _, err := nft.Install(nft.Plan{Queue: number, NetNS: int(l.gateway), Zones: []nft.Zone{{Index: 1, Name: "a", Interfaces: []string{"g0"}}}}); err != nil {
		t.Fatal(err)
	}
	j := &smallJudge{s: s, start: time.Now(), leaving: make(chan string, 16)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx, j) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	thought := func() string {
		select {
		case what := <-j.leaving:
			return what
		case <-time.After(5 * time.Second):
			return "nothing came by"
		}
	}

	next := wiretap(t, l.a, "a0")
	if err := told(l); !errors.Is(err, unix.EHOSTUNREACH) {
		t.Errorf("the host's socket says %v", err)
	}
	if got := thought(); got != "7 8 true" {
		t.Errorf("the message: %s", got)
	}
	seen := next()

	other := openIn(t, l.gateway, unlimited)
	// EPERM is netfilter's; a packet in a queue is on its way.
	if err := other.port.send(seen, [4]byte(seen[16:])); err != nil {
		t.Error(err)
	}
	if got := thought(); got != "0 0 false" {
		t.Errorf("another program's: %s", got)
	}

	// The next that arrives is an answer to the next packet, not the other's.
	if err := told(l); !errors.Is(err, unix.EHOSTUNREACH) {
		t.Errorf("the host's socket says %v", err)
	}
	if got := thought(); got != "7 8 true" {
		t.Errorf("the second message: %s", got)
	}
	if again := next(); cmp.Equal(seen[headerLen:], again[headerLen:]) {
		t.Error("another program's message was let out")
	}
	until(t, "not counted", func() bool { return s.Stats() == Stats{Sent: 2} })
}

// told sends a packet from host a to the gateway and returns what its socket then
// is told.
func told(l *lab) error {
	return inside(l.a, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		patience := unix.NsecToTimeval(int64(5 * time.Second))
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
			return err
		}
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: 9, Addr: netip.MustParseAddr(gatewayA).As4()}); err != nil {
			return err
		}
		if _, err := unix.Write(fd, []byte("secret")); err != nil {
			return err
		}
		for err = unix.EINTR; err == unix.EINTR; {
			_, err = unix.Read(fd, make([]byte, 16))
		}
		return err
	})
}
