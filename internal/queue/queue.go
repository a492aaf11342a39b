package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/florianl/go-nfqueue/v2"
	"github.com/mdlayher/netlink"
)

// DefaultLength is the queue length where Config names none.
const DefaultLength = 4096

// defaultReceiveBuffer holds a full queue of large packets: the kernel counts
// more bytes for a packet than it has.
const defaultReceiveBuffer = 16 << 20

// Config says which queue to open and how.
type Config struct {
	// Number is the queue's number within its network namespace.
	Number uint16
	// Length is how many packets may wait for a verdict before the kernel
	// drops what comes. 0 is DefaultLength.
	Length uint32
	// NetNS is a descriptor of the network namespace the queue is in; 0 is
	// the namespace of the calling thread. It may be closed after Open.
	NetNS int
	// ReceiveBuffer is the size of the socket's buffer in bytes, 0 for one
	// that suits the default length. In a user namespace the system's limit
	// (net.core.rmem_max) holds.
	ReceiveBuffer int
	// Errorf is told of what goes wrong with the socket or the handler, at
	// most once for each doubling of an error's count. It may be nil.
	Errorf func(format string, args ...any)
}

// Queue is an open queue. Packets wait in it, or are dropped when it is full,
// until Run takes them.
type Queue struct {
	number uint16
	errorf func(string, ...any)
	socket port
	own    *netlinkSocket   // the same
	first  *batch           // what Adopt received
	nf     *nfqueue.Nfqueue // nil: the queue was adopted
	ctl    *control
	cancel context.CancelFunc

	running  atomic.Bool
	ended    atomic.Bool
	released atomic.Bool
	done     chan struct{} // closed when Run returned
	ending   sync.Once
	stop     chan struct{} // closed when Run shall return
	closing  sync.Once
	counts   counts
}

// Open binds the queue. From then on the kernel holds packets for it, so Run
// should follow soon.
//
// It fails when the process lacks CAP_NET_ADMIN over the network namespace and
// when somebody else owns the queue; the error tells which, and matches
// os.ErrPermission in both cases.
func Open(c Config) (*Queue, error) {
	c.setDefaults()
	s, err := openSocket(c.NetNS, c.ReceiveBuffer)
	if err != nil {
		return nil, fmt.Errorf("queue %d: %w", c.Number, err)
	}
	q := newQueue(c, s)
	var early []uint32
	q.ctl = newControl(s, func(id uint32) {
		if !q.running.Load() && !q.ended.Load() {
			early = append(early, id)
		}
	})
	if err := q.bind(c); err != nil {
		return nil, q.explain(err)
	}
	q.dropEarly(early)
	return q, nil
}

func (c *Config) setDefaults() {
	if c.Length == 0 {
		c.Length = DefaultLength
	}
	if c.ReceiveBuffer == 0 {
		c.ReceiveBuffer = defaultReceiveBuffer
	}
	if c.Errorf == nil {
		c.Errorf = func(string, ...any) {}
	}
}

func newQueue(c Config, s *netlinkSocket) *Queue {
	return &Queue{number: c.Number, errorf: c.Errorf, socket: s, own: s, done: make(chan struct{}), stop: make(chan struct{})}
}

// bind sets the queue up through go-nfqueue. Neither fail-open nor GSO is asked
// for: the first would let packets pass unseen, the second would make their
// layer-4 checksums ours to finish.
func (q *Queue) bind(c Config) error {
	nf, err := nfqueue.Open(&nfqueue.Config{
		NfQueue:      c.Number,
		MaxQueueLen:  c.Length,
		MaxPacketLen: MaxPayload,
		Copymode:     nfqueue.NfQnlCopyPacket,
		Logger:       logger{q},
	})
	if err != nil {
		_ = q.ctl.abandon()
		return err
	}
	// The library's socket is not ours to read, so it gets ours.
	_ = nf.Con.Close()
	nf.Con = netlink.NewConn(q.ctl, q.ctl.s.portID)
	q.nf = nf

	var ctx context.Context
	ctx, q.cancel = context.WithCancel(context.Background())
	ignore := func(nfqueue.Attribute) int { return 0 }
	end := func(error) int { return 1 }
	if err := nf.RegisterWithErrorFunc(ctx, ignore, end); err != nil {
		q.cancel()
		_ = q.ctl.abandon()
		return err
	}
	return nil
}

// dropEarly answers what was queued between binding and the end of the set-up.
func (q *Queue) dropEarly(ids []uint32) {
	var out []byte
	for _, id := range ids {
		out = appendVerdict(out[:0], q.number, id, &Verdict{})
		if err := q.socket.send(out); err != nil {
			q.counts.verdictErrors.Add(1)
		}
	}
	q.counts.received.Add(uint64(len(ids)))
	q.counts.dropped.Add(uint64(len(ids)))
}

// explain says what a refused bind means: the kernel answers EPERM both to a
// process without the capability and for a queue that has an owner.
func (q *Queue) explain(err error) error {
	if !errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("queue %d: %w", q.number, err)
	}
	if all, e := ReadKernelStats(); e == nil {
		for _, k := range all {
			if k.Number == q.number {
				return fmt.Errorf("queue %d: another program owns this queue (netlink port id %d, usually its process id); stop it or choose another queue number: %w",
					q.number, k.PortID, err)
			}
		}
	}
	return fmt.Errorf("queue %d: CAP_NET_ADMIN is missing in this network namespace, or another program owns the queue: %w", q.number, err)
}

// Close takes the queue down; what the kernel still holds in it is dropped. It
// makes Run return and waits for it. Closing twice is harmless. After Release it
// closes the descriptor and leaves the queue to who else has it.
func (q *Queue) Close() error {
	q.endRun()
	return q.shut()
}

// end makes Run return after the packets in hand were answered.
func (q *Queue) end() {
	q.ending.Do(func() {
		q.ended.Store(true)
		close(q.stop)
	})
}

// endRun makes Run return and waits for it.
func (q *Queue) endRun() {
	q.end()
	if !q.running.Load() {
		return
	}
	select {
	case <-q.done:
	default:
		q.wake()
		<-q.done
	}
}

func (q *Queue) shut() (err error) {
	q.closing.Do(func() {
		q.end()
		if q.nf == nil {
			err = q.shutAdopted()
			return
		}
		if q.released.Load() {
			q.ctl.leave()
		}
		q.ctl.release()
		err = q.nf.Close()
		q.cancel()
	})
	return err
}

// logger hands go-nfqueue's complaints on. It has two that are not any: that it
// stops when it is told to.
type logger struct{ q *Queue }

func (logger) Debugf(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	if !l.q.ended.Load() {
		l.q.errorf("queue %d: "+format, append([]any{l.q.number}, args...)...)
	}
}
