package queue

import (
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// errParked ends go-nfqueue's own reading of the socket.
var errParked = errors.New("queue: reading ended")

// answerTimeout bounds the wait for the kernel's answer to one request.
const answerTimeout = 2 * time.Second

// control is the socket as go-nfqueue sees it. Its requests get their answers;
// when it reads without having asked anything, which is how it would receive
// packets, it sleeps until the queue ends: the packets are for the loop.
type control struct {
	s *netlinkSocket
	// early is told of every packet that came before the loop was there.
	early func(id uint32)

	mu      sync.Mutex
	waiting bool   // a request was sent and its answer not yet read
	seq     uint32 // of that request
	left    bool   // the queue is left as it is: nothing is asked any more
	in      []byte

	stopping sync.Once
	stop     chan struct{} // closed: reading without a request returns
	answered chan struct{} // one value for each answer that was read after stop
	closing  sync.Once
}

func newControl(s *netlinkSocket, early func(id uint32)) *control {
	return &control{
		s:        s,
		early:    early,
		in:       make([]byte, datagramLen),
		stop:     make(chan struct{}),
		answered: make(chan struct{}, 1),
	}
}

// Send is called by netlink.Conn.
func (c *control) Send(m netlink.Message) error {
	b, err := m.MarshalBinary()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left {
		return errParked
	}
	if err := c.s.send(b); err != nil {
		return err
	}
	c.seq = m.Header.Sequence
	c.waiting = m.Header.Flags&netlink.Acknowledge != 0
	return nil
}

// SendMessages is called by netlink.Conn.
func (c *control) SendMessages(ms []netlink.Message) error {
	for _, m := range ms {
		if err := c.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// Receive is called by netlink.Conn.
func (c *control) Receive() ([]netlink.Message, error) {
	c.mu.Lock()
	waiting, seq := c.waiting, c.seq
	c.waiting = false
	c.mu.Unlock()
	if !waiting {
		<-c.stop
		return nil, errParked
	}
	m, err := c.answer(seq)
	select {
	case <-c.stop:
		select {
		case c.answered <- struct{}{}:
		default:
		}
	default:
	}
	if err != nil {
		return nil, err
	}
	return []netlink.Message{m}, nil
}

// ReceiveIter is called by netlink.Conn.
func (c *control) ReceiveIter() iter.Seq2[netlink.Message, error] {
	return func(yield func(netlink.Message, error) bool) {
		ms, err := c.Receive()
		if err != nil {
			yield(netlink.Message{}, err)
			return
		}
		for _, m := range ms {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// answer reads until the answer to request seq comes. Packets on the way
// were queued before the loop reads, or after it ended.
func (c *control) answer(seq uint32) (netlink.Message, error) {
	for deadline := time.Now().Add(answerTimeout); time.Now().Before(deadline); {
		n, from, err := unix.Recvfrom(c.s.fd, c.in, 0)
		switch err {
		case nil:
		case unix.EINTR, unix.EAGAIN, unix.ENOBUFS:
			continue
		default:
			return netlink.Message{}, err
		}
		if nl, ok := from.(*unix.SockaddrNetlink); !ok || nl.Pid != 0 {
			continue
		}
		for m, rest, ok := nextMessage(c.in[:n]); ok; m, rest, ok = nextMessage(rest) {
			switch m.kind {
			case typePacket:
				var p Packet
				if parsePacket(m.body, &p).hasID {
					c.early(p.ID)
				}
			case typeError:
				// Others are about a wake-up or a verdict.
				if m.seq == seq {
					return c.message(&m), nil
				}
			}
		}
	}
	return netlink.Message{}, unix.ETIMEDOUT
}

func (c *control) message(m *message) netlink.Message {
	out := netlink.Message{Data: append([]byte(nil), m.body...)}
	out.Header.Type = netlink.HeaderType(m.kind)
	out.Header.Sequence = m.seq
	out.Header.PID = c.s.portID
	out.Header.Length = uint32(nlHeaderLen + len(m.body))
	return out
}

// release lets go-nfqueue take the queue down.
func (c *control) release() { c.stopping.Do(func() { close(c.stop) }) }

// Close is called by netlink.Conn. It waits until the queue was taken down, or
// until that has taken too long: closing the socket takes it down as well, when
// nobody else has it.
func (c *control) Close() (err error) {
	c.closing.Do(func() {
		c.mu.Lock()
		left := c.left
		c.mu.Unlock()
		c.release()
		if !left {
			select {
			case <-c.answered:
			case <-time.After(answerTimeout):
			}
		}
		err = c.s.close()
	})
	return err
}

// leave makes Close close the descriptor and do nothing else.
func (c *control) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = true
}

// abandon closes the socket of a queue that was never bound.
func (c *control) abandon() (err error) {
	c.closing.Do(func() {
		c.release()
		err = c.s.close()
	})
	return err
}
