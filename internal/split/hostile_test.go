package split

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/queue"
)

// hostile is the other end of a link in the hands of somebody who took it over.
type hostile struct {
	t    testing.TB
	fd   int
	out  memory
	link *Link
}

func newHostile(t testing.TB) *hostile {
	t.Helper()
	l, err := NewLink()
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{t: t, link: l}
	if h.out, err = openMemory(l.Files()[2], outLen, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		t.Fatal(err)
	}
	if h.fd, err = unix.FcntlInt(l.Files()[0].Fd(), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.out.unmap()
		if h.fd >= 0 {
			unix.Close(h.fd)
		}
	})
	return h
}

// receive returns the message that tells of a batch.
func (h *hostile) receive() []byte {
	b := make([]byte, 64)
	n, err := unix.Read(h.fd, b)
	if err != nil {
		return nil
	}
	return b[:n]
}

// sound checks what the queue would go on with: payloads lie in the judge's memory
// and can be sent.
func sound(t testing.TB, l *Link, verdicts []queue.Verdict) {
	t.Helper()
	for i, v := range verdicts {
		if !v.Accept && (v.SetMark || v.Mark != 0 || v.Payload != nil) {
			t.Errorf("verdict %d: a drop with more: %+v", i, v)
		}
		if !v.SetMark && v.Mark != 0 {
			t.Errorf("verdict %d has a mark without saying so", i)
		}
		if len(v.Payload) > queue.MaxPayload || cap(v.Payload) != len(v.Payload) {
			t.Errorf("verdict %d: payload of %d bytes, capacity %d", i, len(v.Payload), cap(v.Payload))
		}
		if len(v.Payload) > 0 && l.out.bytes != nil {
			if at, inside := l.out.offset(v.Payload); !inside || at < partsAt {
				t.Errorf("verdict %d: payload outside of the memory", i)
			}
		}
	}
}

var fourPackets = []queue.Packet{{Payload: []byte("one")}, {Payload: []byte("two")}, {}, {Payload: make([]byte, 9000)}}

// TestWrongAnswers: each of them costs the judge its place and its batch, and
// nothing else.
func TestWrongAnswers(t *testing.T) {
	good := func(asked []byte) [][]byte { return [][]byte{asked} }
	change := func(at int, v uint32) func([]byte) [][]byte {
		return func(asked []byte) [][]byte {
			binary.NativeEndian.PutUint32(asked[at:], v)
			return [][]byte{asked}
		}
	}
	descriptor := func(i int, words ...uint32) func(*memory) {
		return func(m *memory) {
			for n, w := range words {
				m.set(partOf(1)/4+i*verdictWords+n, w)
			}
		}
	}
	const accept, payload = flagAccept, flagAccept | flagPayload
	tests := []struct {
		name   string
		write  func(*memory)
		answer func(asked []byte) [][]byte
		why    error // nil: the answer is right
	}{
		{"right", nil, good, nil},
		{"right, accepts", descriptor(1, accept), good, nil},
		{"right, payload at the end", descriptor(1, payload, 0, outLen-100, 100), good, nil},
		{"right, empty payload", descriptor(1, payload, 0, outLen, 0), good, nil},
		{"right, a drop with nonsense", descriptor(1, flagPayload|flagSetMark, 7, 0xffffffff, 0xffffffff), good, nil},
		{"gone", nil, nil, ErrGone},
		{"other sequence", nil, change(0, 2), ErrBroken},
		{"sequence 0", nil, change(0, 0), ErrBroken},
		{"other kind", nil, change(4, uint32(testBatch)), ErrBroken},
		{"less", nil, change(8, 3), ErrBroken},
		{"more", nil, change(8, 5), ErrBroken},
		{"none", nil, change(8, 0), ErrBroken},
		{"very many", nil, change(8, 0xffffffff), ErrBroken},
		{"empty", nil, func([]byte) [][]byte { return [][]byte{{}} }, ErrGone},
		{"short", nil, func(b []byte) [][]byte { return [][]byte{b[:messageLen-1]} }, ErrBroken},
		{"long", nil, func(b []byte) [][]byte { return [][]byte{append(b, 0)} }, ErrBroken},
		{"very long", nil, func(b []byte) [][]byte { return [][]byte{append(b, make([]byte, 10000)...)} }, ErrBroken},
		{"wrong first, then right", nil, func(b []byte) [][]byte { return [][]byte{make([]byte, messageLen), b} }, ErrBroken},
		{"unknown flag", descriptor(3, accept|1<<31), good, ErrBroken},
		{"unknown flag of a drop", descriptor(3, 1<<3), good, ErrBroken},
		{"payload over the end", descriptor(3, payload, 0, outLen-100, 101), good, ErrBroken},
		{"payload far away", descriptor(3, payload, 0, 0xffffffff, 20), good, ErrBroken},
		{"payload that wraps", descriptor(3, payload, 0, 0xfffffff0, 0x20000), good, ErrBroken},
		{"payload on the counters", descriptor(3, payload, 0, 0, 20), good, ErrBroken},
		{"payload too long", descriptor(3, payload, 0, partsAt+buffersAt, queue.MaxPayload+1), good, ErrBroken},
		{"payload of 4 GiB", descriptor(3, payload, 0, partsAt+buffersAt, 0xffffffff), good, ErrBroken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHostile(t)
			var said []error
			f := NewFront(Config{Lost: func(n int, why error) {
				if n != len(fourPackets) {
					t.Errorf("%d packets lost", n)
				}
				said = append(said, why)
			}})
			defer f.Close()
			if err := f.Attach(h.link); err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				asked := h.receive()
				if tt.write != nil {
					tt.write(&h.out)
				}
				if tt.answer == nil {
					unix.Close(h.fd)
					h.fd = -1
					return
				}
				for _, m := range tt.answer(asked) {
					_, _ = unix.Write(h.fd, m)
				}
			}()
			verdicts := make([]queue.Verdict, len(fourPackets))
			f.Handle(fourPackets, verdicts)
			<-done
			sound(t, h.link, verdicts)
			p := f.Progress()
			if tt.why == nil {
				if len(said) != 0 || !p.Attached || p.Packets != 4 {
					t.Errorf("lost for %v; %+v", said, p)
				}
				return
			}
			for i, v := range verdicts {
				if v.Accept {
					t.Errorf("verdict %d of a judge that was given up: %+v", i, v)
				}
			}
			if len(said) != 1 || !errors.Is(said[0], tt.why) || p.Attached || p.Lost != 4 || p.Held != 0 {
				t.Errorf("lost for %v, want %v; %+v", said, tt.why, p)
			}
		})
	}
}

// TestScribble: whatever the judge writes while its verdicts are read, what the
// queue goes on with is sound.
func TestScribble(t *testing.T) {
	h := newHostile(t)
	f := NewFront(Config{Lost: func(int, error) {}})
	defer f.Close()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		r := rand.New(rand.NewPCG(1, 2))
		values := []uint32{0, flagAccept, flagAccept | flagPayload, flagAccept | flagPayload | flagSetMark, partsAt + buffersAt, outLen - 8, outLen, queue.MaxPayload, queue.MaxPayload + 1, 8, 0xffffffff}
		for {
			select {
			case <-stop:
				return
			default:
			}
			for range 1000 {
				part := partsAt / 4
				if r.IntN(2) == 0 {
					part += partLen / 4
				}
				// What is right is written most of the time, or nothing would ever
				// be taken.
				i, v := r.IntN(Batch), values[r.IntN(len(values))]
				w := part + i*verdictWords
				if r.IntN(100) > 0 {
					h.out.set(w+verdictFlags, flagAccept|flagPayload)
					h.out.set(w+verdictOffset, partsAt+buffersAt+uint32(r.IntN(1000)))
					h.out.set(w+verdictLength, uint32(r.IntN(1000)))
					continue
				}
				h.out.set(w+r.IntN(verdictWords), v)
			}
		}
	}()
	verdicts := make([]queue.Verdict, Batch)
	taken, refused := 0, 0
	for deadline := time.Now().Add(20 * time.Second); min(taken, refused) < 1000 && time.Now().Before(deadline) && !t.Failed(); {
		l := h.link
		clear(verdicts)
		l.sequence++
		if err := l.take(verdicts); err != nil {
			if !errors.Is(err, ErrBroken) {
				t.Fatal(err)
			}
			refused++
		} else {
			taken++
		}
		sound(t, l, verdicts)
	}
	close(stop)
	<-done
	t.Logf("%d taken, %d refused", taken, refused)
	if min(taken, refused) < 1000 {
		t.Error("not much of a test")
	}
}

// FuzzTake puts anything where the verdicts are and compares with a plain reading of
// the same words.
func FuzzTake(f *testing.F) {
	h := newHostile(f)
	word := func(w ...uint32) (b []byte) {
		for _, v := range w {
			b = binary.NativeEndian.AppendUint32(b, v)
		}
		return b
	}
	f.Add(word(flagAccept, 0, 0, 0))
	f.Add(word(flagAccept|flagSetMark|flagPayload, 7, partsAt+buffersAt, 100, 0, 0, 0, 0, flagAccept|flagPayload, 0, outLen-1, 1))
	f.Add(word(flagAccept|flagPayload, 0, 0xffffffff, 0xffffffff))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), Batch*verdictWords*4)&^(verdictWords*4-1)]
		n := len(b) / (verdictWords * 4)
		copy(h.out.bytes[partOf(h.link.sequence):], b)
		verdicts := make([]queue.Verdict, n)
		err := h.link.take(verdicts)
		sound(t, h.link, verdicts)
		for i := range n {
			d := b[i*16:]
			flags, mark := binary.NativeEndian.Uint32(d), binary.NativeEndian.Uint32(d[4:])
			at, length := int(binary.NativeEndian.Uint32(d[8:])), int(binary.NativeEndian.Uint32(d[12:]))
			wrong := flags > 7 || flags&1 != 0 && flags&4 != 0 && (length > 65531 || at < 8192 || at+length > len(h.out.bytes))
			if wrong {
				if err == nil {
					t.Fatalf("verdict %d was taken: %x", i, d[:16])
				}
				return
			}
			v := verdicts[i]
			if v.Accept != (flags&1 != 0) || v.SetMark != (flags&3 == 3) || v.SetMark && v.Mark != mark || (v.Payload != nil) != (flags&5 == 5) {
				t.Fatalf("verdict %d: %+v from %x", i, v, d[:16])
			}
			if v.Payload != nil && (len(v.Payload) != length || length > 0 && &v.Payload[0] != &h.link.out.bytes[at]) {
				t.Fatalf("verdict %d has another payload than %d bytes at %d", i, length, at)
			}
		}
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
	})
}

// FuzzAnswer answers a batch with anything: only the one right message is taken.
func FuzzAnswer(f *testing.F) {
	right := []byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}
	f.Add(right)
	f.Add(right[:11])
	f.Add([]byte{})
	f.Add(make([]byte, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<12 {
			return
		}
		near, far, err := socketPair()
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(near)
		l := &Link{line: line{fd: near}}
		if err := l.line.limit(time.Second); err != nil {
			t.Fatal(err)
		}
		if handed, err := l.hand(1, packetBatch); !handed || err != nil {
			t.Fatal(handed, err)
		}
		// What is left unread when the other end closes would be told as a reset.
		if _, err := unix.Read(far, make([]byte, messageLen)); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(far, b); err != nil {
			t.Fatal(err)
		}
		unix.Close(far)
		err = l.await(1, packetBatch, time.Now(), time.Second)
		if (err == nil) != bytes.Equal(b, right) {
			t.Fatalf("%x: %v", b, err)
		}
	})
}

// TestSealed: nobody who has the descriptors of a judge can write where the packets
// lie, or take memory away from the keeper.
func TestSealed(t *testing.T) {
	l, err := NewLink()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Discard()
	in, out := int(l.Files()[1].Fd()), int(l.Files()[2].Fd())
	tests := []struct {
		name string
		try  func() error
	}{
		{"map packets to write", func() error { _, err := unix.Mmap(in, 0, 4096, unix.PROT_WRITE, unix.MAP_SHARED); return err }},
		{"write packets", func() error { _, err := unix.Pwrite(in, []byte{1}, 0); return err }},
		{"punch a hole into packets", func() error {
			return unix.Fallocate(in, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4096)
		}},
		{"cut packets", func() error { return unix.Ftruncate(in, 0) }},
		{"lengthen packets", func() error { return unix.Ftruncate(in, inLen*2) }},
		{"cut verdicts", func() error { return unix.Ftruncate(out, 0) }},
		{"lengthen verdicts", func() error { return unix.Ftruncate(out, outLen*2) }},
		{"seal verdicts", func() error {
			_, err := unix.FcntlInt(uintptr(out), unix.F_ADD_SEALS, unix.F_SEAL_FUTURE_WRITE)
			return err
		}},
		{"make what was mapped to be read writable", func() error {
			b, err := unix.Mmap(in, 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
			if err != nil {
				return nil
			}
			defer unix.Munmap(b)
			return unix.Mprotect(b, unix.PROT_READ|unix.PROT_WRITE)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.try(); !errors.Is(err, os.ErrPermission) {
				t.Errorf("%v, want it forbidden", err)
			}
		})
	}
}
