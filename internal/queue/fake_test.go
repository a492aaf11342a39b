package queue

import (
	"encoding/binary"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// fakePort stands in for the kernel: it gives what was put into it, one step a
// call, and remembers what it was sent.
type fakePort struct {
	room  int
	steps []step
	// idle is called when there are no more steps.
	idle func() error

	mu        sync.Mutex
	sent      [][]byte
	sendFails []error
	woken     int
	keep      bool
}

// step is the outcome of one receive call.
type step struct {
	datagrams [][]byte
	err       error
	foreign   bool // sent by another process
	cut       bool
}

func (f *fakePort) receive(b *batch) error {
	b.count = 0
	if len(f.steps) == 0 {
		return f.idle()
	}
	s := f.steps[0]
	f.steps = f.steps[1:]
	for i, d := range s.datagrams {
		b.headers[i].length = uint32(copy(b.buffers[i], d))
		b.headers[i].header.Flags = 0
		if s.cut {
			b.headers[i].header.Flags = unix.MSG_TRUNC
		}
		b.names[i].Pid = 0
		if s.foreign {
			b.names[i].Pid = 4711
		}
		b.count++
	}
	return s.err
}

func (f *fakePort) poll(b *batch) error {
	b.count = 0
	if len(f.steps) == 0 {
		return unix.EAGAIN
	}
	return f.receive(b)
}

func (f *fakePort) send(b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.sendFails) > 0 {
		err := f.sendFails[0]
		f.sendFails = f.sendFails[1:]
		if err != nil {
			return err
		}
	}
	if f.keep {
		f.sent = append(f.sent, append([]byte(nil), b...))
	}
	return nil
}

func (f *fakePort) limit() int { return f.room }

func (f *fakePort) wake() error { f.woken++; return nil }

// runFake feeds the steps to a loop and returns what it sent and counted.
func runFake(t *testing.T, f *fakePort, h Handler) (Stats, error) {
	t.Helper()
	return runFakeWith(t, f, h, newBatch())
}

// runFakeWith does it with buffers that the caller keeps.
func runFakeWith(t *testing.T, f *fakePort, h Handler, in *batch) (Stats, error) {
	t.Helper()
	q := &Queue{number: 7, socket: f, errorf: t.Logf, done: make(chan struct{}), stop: make(chan struct{})}
	f.keep = true
	if f.room == 0 {
		f.room = sendRoom
	}
	f.idle = func() error { q.ended.Store(true); return unix.EAGAIN }
	err := newLoop(q, h, in).run()
	return q.Stats(), err
}

// answer is a verdict as the kernel would read it.
type answer struct {
	ID      uint32
	Verdict uint32
	Mark    uint32
	HasMark bool
	Payload string
}

// answers decodes what was sent, independently of appendVerdict.
func (f *fakePort) answers(t *testing.T) []answer {
	t.Helper()
	var all []answer
	for _, b := range f.sent {
		if len(b) > f.room {
			t.Errorf("datagram of %d bytes, limit %d", len(b), f.room)
		}
		for len(b) > 0 {
			n := binary.NativeEndian.Uint32(b)
			if binary.NativeEndian.Uint16(b[4:]) != 3<<8|1 || binary.BigEndian.Uint16(b[18:]) != 7 {
				t.Fatalf("not a verdict for queue 7: %x", b[:20])
			}
			var a answer
			for at := b[20:n]; len(at) > 0; {
				l := binary.NativeEndian.Uint16(at)
				v := at[4:l]
				switch binary.NativeEndian.Uint16(at[2:]) {
				case 2:
					a.Verdict, a.ID = binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[4:])
				case 3:
					a.Mark, a.HasMark = binary.BigEndian.Uint32(v), true
				case 10:
					a.Payload = string(v)
				}
				at = at[(int(l)+3)&^3:]
			}
			all = append(all, a)
			b = b[n:]
		}
	}
	return all
}

// Builders of kernel messages.

func nlMessage(kind uint16, seq uint32, body []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(16+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, 0)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(b, body...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func attr(kind uint16, v []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(v)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, v...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func packetHeader(id uint32, hook Hook) []byte {
	return attr(attrPacketHeader, append(be32(id), 0x08, 0x00, byte(hook)))
}

func packetBody(attrs ...[]byte) []byte {
	b := []byte{2, 0, 0, 7}
	for _, a := range attrs {
		b = append(b, a...)
	}
	return b
}

// packetMessage is a packet as the kernel sends it, attributes in its order.
func packetMessage(id uint32, payload []byte) []byte {
	return nlMessage(typePacket, 0, packetBody(
		packetHeader(id, Forward),
		attr(attrInDev, be32(3)), attr(attrOutDev, be32(4)), attr(attrMark, be32(0xc0040001)),
		attr(9, make([]byte, 12)), attr(attrSkbInfo, be32(0)), attr(4, make([]byte, 16)),
		attr(attrPayload, payload),
	))
}

// errorMessage is about a verdict.
func errorMessage(errno unix.Errno, id uint32) []byte { return errorAbout(typeVerdict, errno, id) }

func errorAbout(kind uint16, errno unix.Errno, seq uint32) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno)))
	return nlMessage(typeError, seq, append(b, nlMessage(kind, seq, nil)...))
}
