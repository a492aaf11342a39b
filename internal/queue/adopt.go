package queue

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Adopt takes over a queue that another process, or this one before it executed
// another program, opened and gave away with File. fd is the socket; it belongs to
// the Queue from then on, but is left as it is when Adopt fails. Number, Length and
// ReceiveBuffer of c are set again.
//
// Packets that wait in the socket are served by Run. Those that the former owner had
// received and not answered can be read by nobody; they would hold places in the
// queue for ever. They are dropped, and counted in Stats.Stale. The former owner must
// not serve the queue any more.
func Adopt(c Config, fd int) (*Queue, error) {
	c.setDefaults()
	s, err := takeSocket(fd, c.ReceiveBuffer)
	if err != nil {
		return nil, fmt.Errorf("queue %d: take over socket: %w", c.Number, err)
	}
	q := newQueue(c, s)
	err = inNamespace(c.NetNS, func() error {
		account, err := q.account()
		if err != nil {
			return err
		}
		if account == nil || account.PortID != s.portID {
			return fmt.Errorf("take over socket: it does not own the queue; start without it: %w", os.ErrPermission)
		}
		return q.inherit(c)
	})
	if err != nil {
		return nil, fmt.Errorf("queue %d: %w", c.Number, err)
	}
	return q, nil
}

// takeSocket checks that fd is what newSocket makes and sets its options again.
func takeSocket(fd, receiveBuffer int) (*netlinkSocket, error) {
	for option, want := range map[int]int{unix.SO_DOMAIN: unix.AF_NETLINK, unix.SO_PROTOCOL: unix.NETLINK_NETFILTER} {
		got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
		if err != nil {
			return nil, err
		}
		if got != want {
			return nil, fmt.Errorf("descriptor %d is no netfilter netlink socket", fd)
		}
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, false); err != nil {
		return nil, err
	}
	s := &netlinkSocket{fd: fd}
	return s, s.setUp(receiveBuffer)
}

// account returns the kernel's account of the queue, nil when nobody owns it.
func (q *Queue) account() (*KernelStats, error) {
	all, err := ReadKernelStats()
	for i := range all {
		if all[i].Number == q.number {
			return &all[i], nil
		}
	}
	return nil, err
}

// inherit sets the queue up again and drops what is stale.
//
// The kernel numbers packets under the queue's lock, and puts them into the socket
// in that order before it lets go. So the packets before the first one in the socket
// are with the former owner; when the socket is empty, all are that were numbered
// before it was looked at. The newest number is read without the lock: its packet may
// not have arrived in the socket. A setting, which is made under the lock, is waited
// for in between.
func (q *Queue) inherit(c Config) error {
	before, err := q.steady(c)
	if err != nil {
		return err
	}
	if err := q.receiveFirst(); err != nil {
		return err
	}
	first, any := q.firstID()
	if err := q.own.send(appendDropUpTo(nil, q.number, lastStale(before.Sequence, first, any))); err != nil {
		return fmt.Errorf("drop what is stale: %w", err)
	}
	after, err := q.steady(c)
	if err != nil {
		return err
	}
	q.counts.stale.Add(uint64(stale(before, after)))
	return nil
}

// lastStale returns the number up to which packets are stale, when newest is the
// newest one and first the first of the socket, if there is any. Numbers wrap.
func lastStale(newest, first uint32, any bool) uint32 {
	if any && int32(first-1-newest) < 0 {
		return first - 1
	}
	return newest
}

// stale tells from the kernel's accounts how many packets were dropped in between.
// Numbers wrap; what was numbered and did not fit into the socket is not in the
// queue.
func stale(before, after *KernelStats) uint32 {
	came := after.Sequence - before.Sequence - uint32(after.UserDropped-before.UserDropped)
	left := int32(before.Depth + came - after.Depth)
	return uint32(max(left, 0))
}

// steadyTries is how often the account is read again under a stream of packets.
const steadyTries = 200

// steady returns an account of one moment: its numbers are read one after the other,
// so it is read until twice the same comes out, with the queue's lock taken in
// between. Everything up to its sequence number has arrived in the socket.
func (q *Queue) steady(c Config) (*KernelStats, error) {
	for try := 1; ; try++ {
		first, err := q.account()
		if err != nil {
			return nil, err
		}
		if err := q.own.send(appendSettings(nil, q.number, c.Length)); err != nil {
			return nil, fmt.Errorf("settings: %w", err)
		}
		second, err := q.account()
		if err != nil {
			return nil, err
		}
		switch {
		case first == nil || second == nil:
			return nil, fmt.Errorf("the queue has vanished: %w", os.ErrNotExist)
		case *first == *second, try == steadyTries:
			return first, nil
		}
	}
}

// receiveFirst takes what is in the socket, until there is a packet in it.
func (q *Queue) receiveFirst() error {
	q.first = newBatch()
	for {
		switch err := recvmmsg(q.own.fd, q.first, unix.MSG_DONTWAIT); err {
		case nil:
			if _, any := q.firstID(); any {
				return nil
			}
		case unix.EINTR, unix.ENOBUFS:
		case unix.EAGAIN:
			q.first = nil
			return nil
		default:
			return fmt.Errorf("receive: %w", err)
		}
	}
}

// firstID returns the id of the first packet in what was received.
func (q *Queue) firstID() (id uint32, any bool) {
	if q.first == nil {
		return 0, false
	}
	for i := range q.first.count {
		if !q.first.fromKernel(i) {
			continue
		}
		for m, rest, ok := nextMessage(q.first.datagram(i)); ok; m, rest, ok = nextMessage(rest) {
			var p Packet
			if m.kind == typePacket && parsePacket(m.body, &p).hasID {
				return p.ID, true
			}
		}
	}
	return 0, false
}

// shutAdopted takes the queue down, which closing the socket would not do while
// somebody else has it too.
func (q *Queue) shutAdopted() error {
	var err error
	if !q.released.Load() {
		err = q.own.send(appendUnbind(nil, q.number))
	}
	if e := q.own.close(); err == nil {
		err = e
	}
	return err
}

// appendDropUpTo appends the verdict that drops all packets up to one.
func appendDropUpTo(b []byte, queue uint16, id uint32) []byte {
	at := len(b)
	b = appendVerdict(b, queue, id, &Verdict{})
	binary.NativeEndian.PutUint16(b[at+4:], typeVerdictBatch)
	return b
}
