package control

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func framed(content string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	return append(b, content...)
}

func TestReadFrame(t *testing.T) {
	for _, tt := range []struct {
		name  string
		bytes []byte
		limit int
		want  string
		err   error
	}{
		{name: "empty", bytes: framed(""), limit: 10, want: ""},
		{name: "some", bytes: framed("abc"), limit: 10, want: "abc"},
		{name: "as much as is allowed", bytes: framed("0123456789"), limit: 10, want: "0123456789"},
		{name: "one byte more", bytes: framed("0123456789x"), limit: 10, err: errFrameTooLong},
		{name: "4 GiB promised", bytes: []byte("\xff\xff\xff\xff"), limit: MaxRequest, err: errFrameTooLong},
		{name: "nothing", limit: 10, err: io.EOF},
		{name: "ends in the length", bytes: []byte{0, 0}, limit: 10, err: io.ErrUnexpectedEOF},
		{name: "ends behind the length", bytes: []byte{0, 0, 0, 1}, limit: 10, err: io.ErrUnexpectedEOF},
		{name: "ends in the content", bytes: framed("abc")[:6], limit: 10, err: io.ErrUnexpectedEOF},
		{name: "what follows stays", bytes: append(framed("abc"), "def"...), limit: 10, want: "abc"},
		{name: "long", bytes: framed(strings.Repeat("x", MaxRequest)), limit: MaxRequest, want: strings.Repeat("x", MaxRequest)},
	} {
		for how, reader := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytewise": iotest.OneByteReader, "halves": iotest.HalfReader, "with the end": iotest.DataErrReader,
		} {
			t.Run(tt.name+"/"+how, func(t *testing.T) {
				got, err := readFrame(reader(bytes.NewReader(tt.bytes)), tt.limit, nil)
				if !errors.Is(err, tt.err) || err == nil && string(got) != tt.want {
					t.Errorf("frame %q (%v), want %q (%v)", got, err, tt.want, tt.err)
				}
			})
		}
	}
}

// A promise costs no memory: room is made for what comes.
func TestReadFrameMakesRoomForWhatComes(t *testing.T) {
	promise := []byte{0, 0, 0xff, 0xff, 'x'}
	got, _ := readFrame(bytes.NewReader(promise), MaxRequest, nil)
	if cap(got) > 1024 {
		t.Errorf("one byte of 65535 took %d bytes", cap(got))
	}
}

func TestFrameRefuses(t *testing.T) {
	if _, err := frame(strings.Repeat("x", 9), 10); !errors.Is(err, errFrameTooLong) {
		t.Errorf("eleven bytes in ten: %v", err)
	}
	if _, err := frame(make(chan int), 10); err == nil {
		t.Error("a channel has become a frame")
	}
}

// FuzzFrame: what is read is what was there, however it comes in pieces, and is
// written as the same bytes.
func FuzzFrame(f *testing.F) {
	f.Add(framed(`{"verb":"status"}`), uint8(1))
	f.Add(append(framed(""), framed("x")...), uint8(3))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, uint8(0))
	f.Add([]byte{0, 1, 0, 0, 'x'}, uint8(2))
	f.Fuzz(func(t *testing.T, stream []byte, chunk uint8) {
		rest := stream
		r := &chunked{rest: stream, size: int(chunk)%7 + 1}
		var buf []byte
		for {
			var err error
			buf, err = readFrame(r, MaxRequest, buf)
			want, wantErr := slowFrame(rest)
			if !errors.Is(err, wantErr) {
				t.Fatalf("error %v, want %v", err, wantErr)
			}
			if err != nil {
				return
			}
			if !bytes.Equal(buf, want) {
				t.Fatalf("read %x, want %x", buf, want)
			}
			if again := framed(string(buf)); !bytes.Equal(again, rest[:len(again)]) {
				t.Fatalf("%x was read from %x", buf, rest)
			}
			rest = rest[4+len(want):]
		}
	})
}

// slowFrame is readFrame for a stream that is there whole.
func slowFrame(stream []byte) ([]byte, error) {
	switch {
	case len(stream) == 0:
		return nil, io.EOF
	case len(stream) < 4:
		return nil, io.ErrUnexpectedEOF
	}
	n := int(binary.BigEndian.Uint32(stream))
	switch {
	case n > MaxRequest:
		return nil, errFrameTooLong
	case len(stream) < 4+n:
		return nil, io.ErrUnexpectedEOF
	}
	return stream[4 : 4+n], nil
}

type chunked struct {
	rest []byte
	size int
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.size)], c.rest)
	c.rest = c.rest[n:]
	return n, nil
}
