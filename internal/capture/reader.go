package capture

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"os"
)

// maxFrame is the largest packet taken from a file, tcpdump's limit too. Length
// fields beyond it are damage, and would be answered with as much memory.
const maxFrame = 262144

// source yields the records of one file format, link layer not yet looked at.
// At the end it returns io.EOF; other errors are for good.
type source interface {
	next() (*Frame, error)
}

// Reader reads one capture, once. It must not be shared by goroutines.
type Reader struct {
	name   string
	closer io.Closer // nil when the caller owns the stream
	src    source
	count  int
}

// Open opens a pcap or pcapng file, possibly compressed by gzip. Errors about its
// content are of type *Error.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(path, f)
	if err != nil {
		f.Close()
		return nil, err
	}
	r.closer = f
	return r, nil
}

// NewReader reads from r what Open reads from a file. name stands for it in errors.
func NewReader(name string, r io.Reader) (*Reader, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, &Error{File: name, What: "damaged gzip header", Hint: "decompress it first to see what is left", Err: err}
		}
		b = bufio.NewReader(z)
	}
	magic, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &Error{File: name, What: "cannot read", Err: err}
	}
	if len(magic) == 0 {
		return nil, &Error{File: name, What: "the file is empty", Hint: hintRecord}
	}
	if len(magic) < 4 {
		return nil, &Error{File: name, What: "too short for a capture", Hint: hintRecord}
	}
	reader := &Reader{name: name}
	if binary.BigEndian.Uint32(magic) == blockSection {
		reader.src = newPcapng(name, b)
		return reader, nil
	}
	reader.src, err = newPcap(name, b)
	if err != nil {
		return nil, err
	}
	return reader, nil
}

// Close closes the file that Open opened.
func (r *Reader) Close() error {
	if r.closer == nil {
		return nil
	}
	return r.closer.Close()
}

// All yields the frames in the order of the file. An error, always of type
// *Error, comes last, without a frame; the frames before it are good.
func (r *Reader) All() iter.Seq2[*Frame, error] {
	return func(yield func(*Frame, error) bool) {
		for {
			f, err := r.Next()
			if err == io.EOF {
				return
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// Next returns the next frame, io.EOF behind the last one, or an *Error. After an
// error it has nothing more to say.
func (r *Reader) Next() (*Frame, error) {
	if r.src == nil {
		return nil, io.EOF
	}
	f, err := r.src.next()
	if err != nil {
		r.src = nil
		if e := (*Error)(nil); errors.As(err, &e) {
			e.File = r.name
			if e.Packet != 0 {
				e.Packet = r.count + 1
			}
		}
		return nil, err
	}
	r.count++
	f.Number = r.count
	if !f.dissect() {
		r.src = nil
		return nil, &Error{File: r.name, Offset: f.Offset, Packet: r.count,
			What: "link type " + f.LinkType.String() + " is not supported", Hint: hintLink}
	}
	return f, nil
}
