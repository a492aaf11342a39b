package split

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/queue"
)

// What a judge did wrong. The errors that Config.Lost is told match one of them.
var (
	// ErrGone: its end of the socket was closed; it exited or was killed.
	ErrGone = errors.New("the judge is gone")
	// ErrHung: it did not answer in time.
	ErrHung = errors.New("the judge does not answer")
	// ErrBroken: its answer was none.
	ErrBroken = errors.New("the judge's answer is wrong")
	// ErrUntrue: it let a packet pass that a self-test says must be dropped.
	ErrUntrue = errors.New("the judge failed a self-test")
	// ErrStopped: there was no judge, and the queue was told to end.
	ErrStopped = errors.New("the queue ended while there was no judge")
)

// put writes packets into the memory. The judge gets neither their ids nor
// anything else that only the kernel's socket needs.
func (l *Link) put(packets []queue.Packet) {
	at := payloadsAt
	for i := range packets {
		p := &packets[i]
		payload, flags := p.Payload, uint32(0)
		if len(payload) > queue.MaxPayload {
			payload, flags = payload[:queue.MaxPayload], flagTruncated
		}
		if p.ChecksumNotReady {
			flags |= flagChecksumNotReady
		}
		if p.GSO {
			flags |= flagGSO
		}
		if p.Truncated {
			flags |= flagTruncated
		}
		w := i * packetWords
		l.in.set(w+packetPlace, uint32(p.Hook)<<16|uint32(p.Protocol))
		l.in.set(w+packetIn, p.In)
		l.in.set(w+packetOut, p.Out)
		l.in.set(w+packetMark, p.Mark)
		l.in.set(w+packetFlags, flags)
		l.in.set(w+packetOffset, uint32(at))
		l.in.set(w+packetLength, uint32(len(payload)))
		copy(l.in.bytes[at:], payload)
		at += (len(payload) + payloadAlign - 1) &^ (payloadAlign - 1)
	}
}

// hand gives n packets that were put to the judge. It reports false when the judge
// was gone before, so that it cannot have had them.
func (l *Link) hand(n int, k kind) (handed bool, err error) {
	l.sequence++
	switch err := l.line.send(message{l.sequence, k, uint32(n)}); {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET):
		return false, ErrGone
	case errors.Is(err, unix.EAGAIN):
		return true, fmt.Errorf("%w: it reads nothing", ErrHung)
	default:
		return true, fmt.Errorf("%w: send: %w", ErrBroken, err)
	}
}

// await waits for the answer to what was handed out at start.
func (l *Link) await(n int, k kind, start time.Time, timeout time.Duration) error {
	m, err := l.line.receive()
	for err == unix.EINTR && time.Since(start) < timeout {
		m, err = l.line.receive()
	}
	switch {
	case err == nil:
	case err == unix.ECONNRESET:
		return ErrGone
	case err == unix.EAGAIN, err == unix.EINTR:
		return fmt.Errorf("%w within %v", ErrHung, timeout)
	default:
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if m != (message{l.sequence, k, uint32(n)}) {
		return fmt.Errorf("%w: it is about batch %d of %d packets, want batch %d of %d", ErrBroken, m.sequence, m.count, l.sequence, n)
	}
	return nil
}

// take reads the verdicts. Each word is read once, for the judge may change it at
// any time; it may also change the payloads, by which it changes nothing but what
// it wanted sent.
func (l *Link) take(verdicts []queue.Verdict) error {
	part := partOf(l.sequence)
	for i := range verdicts {
		w := part/4 + i*verdictWords
		flags, mark := l.out.get(w+verdictFlags), l.out.get(w+verdictMark)
		offset, length := uint64(l.out.get(w+verdictOffset)), uint64(l.out.get(w+verdictLength))
		if flags&^verdictFlagsKnown != 0 {
			return fmt.Errorf("%w: verdict %d has flags %#x", ErrBroken, i, flags)
		}
		v := &verdicts[i]
		if flags&flagAccept == 0 {
			continue
		}
		if flags&flagPayload != 0 {
			if offset < partsAt+buffersAt || offset+length > outLen || length > queue.MaxPayload {
				return fmt.Errorf("%w: verdict %d has a payload of %d bytes at %d", ErrBroken, i, length, offset)
			}
			v.Payload = l.out.bytes[offset : offset+length : offset+length]
		}
		v.Accept = true
		if flags&flagSetMark != 0 {
			v.SetMark, v.Mark = true, mark
		}
	}
	return nil
}
