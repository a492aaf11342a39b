package split

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"labelgate/internal/queue"
)

// Tester is a handler that answers self-tests apart from packets, so that it need
// not count and record what never was on a wire. Any other gets them by Handle.
type Tester interface {
	HandleTest(packets []queue.Packet, verdicts []queue.Verdict)
}

// maxPanics is how many batches in a row may end in a panic before Serve gives up.
const maxPanics = 8

// Back is the judge's half: it takes packets from the keeper and gives verdicts.
type Back struct {
	// Errorf is told of panics of the handler. It may be nil; it is set before
	// Serve.
	Errorf func(format string, args ...any)

	line     line
	in, out  memory
	buffers  [parts][Batch][]byte
	part     int // that the batch in hand has
	packets  [Batch]queue.Packet
	verdicts [Batch]queue.Verdict
	panics   int
}

// Open takes the files of a Link, as Files has them, in the judge. They are closed
// or belong to the Back afterwards. Memory that packets lie in is mapped to be read
// only: a handler that writes into a packet is killed.
func Open(socket, packets, verdicts *os.File) (*Back, error) {
	defer packets.Close()
	defer verdicts.Close()
	defer socket.Close()
	b := &Back{}
	var err error
	if b.in, err = openMemory(packets, inLen, unix.PROT_READ); err != nil {
		return nil, fmt.Errorf("packets: %w", err)
	}
	if b.out, err = openMemory(verdicts, outLen, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		b.in.unmap()
		return nil, fmt.Errorf("verdicts: %w", err)
	}
	if b.line.fd, err = unix.FcntlInt(socket.Fd(), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		b.in.unmap()
		b.out.unmap()
		return nil, fmt.Errorf("socket to the keeper: %w", err)
	}
	for part := range parts {
		for i := range Batch {
			at := partsAt + part*partLen + buffersAt + i*BufferLen
			b.buffers[part][i] = b.out.bytes[at : at+BufferLen : at+BufferLen]
		}
	}
	return b, nil
}

// Buffers are for the payloads of the batch in hand, one for each packet, of
// BufferLen bytes. A verdict's payload that lies in one of them is not copied
// again. The handler asks for them in each call: the next batch has others.
func (b *Back) Buffers() [][]byte { return b.buffers[b.part][:] }

// Counter returns a counter in memory that the keeper reads, also after this
// process died.
func (b *Back) Counter(c Counter) *atomic.Uint64 { return b.out.counter(countersAt + 8*int(c)) }

// Serve has h judge what the keeper hands out until the keeper hangs up or ctx
// ends; then it returns nil. A packet's bytes must not be written by h. It keeps its
// thread for itself and may be called once.
func (b *Back) Serve(ctx context.Context, h queue.Handler) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stop := context.AfterFunc(ctx, b.line.hangUp)
	defer stop()
	for {
		m, err := b.line.receive()
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ECONNRESET:
			return nil
		case err != nil:
			return fmt.Errorf("receive from the keeper: %w", err)
		case m.count == 0 || m.count > Batch || m.kind != packetBatch && m.kind != testBatch:
			return fmt.Errorf("the keeper hands out %d packets of kind %d: keeper and judge are of different versions; restart the gateway", m.count, m.kind)
		}
		n := int(m.count)
		b.part = int(m.sequence % parts)
		if err := b.read(n); err != nil {
			return err
		}
		clear(b.verdicts[:n])
		if err := b.judge(h, m.kind, n); err != nil {
			return err
		}
		b.write(n)
		clear(b.verdicts[:n])
		switch err := b.line.send(m); {
		case errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET):
			return nil
		case err != nil:
			return fmt.Errorf("answer the keeper: %w", err)
		}
	}
}

// judge calls the handler. After a panic its verdicts are not believed.
func (b *Back) judge(h queue.Handler, k kind, n int) (err error) {
	panicked := true
	defer func() {
		if !panicked {
			b.panics = 0
			return
		}
		r := recover()
		clear(b.verdicts[:n])
		b.Counter(Panicked).Add(uint64(n))
		if b.panics++; b.panics >= maxPanics {
			err = fmt.Errorf("handler panicked %d times in a row, last: %v", b.panics, r)
		}
		if b.Errorf != nil {
			b.Errorf("%d packets dropped: handler panicked: %v\n%s", n, r, debug.Stack())
		}
	}()
	t, apart := h.(Tester)
	if k == testBatch && apart {
		t.HandleTest(b.packets[:n:n], b.verdicts[:n:n])
	} else {
		h.Handle(b.packets[:n:n], b.verdicts[:n:n])
	}
	panicked = false
	return nil
}

// Close frees the memory and the socket, when Serve has returned.
func (b *Back) Close() {
	unix.Close(b.line.fd)
	b.in.unmap()
	b.out.unmap()
}
