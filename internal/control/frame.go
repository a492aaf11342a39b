package control

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
)

// headerLen is the length of a frame's length.
const headerLen = 4

var errFrameTooLong = errors.New("the frame is too long")

// readFrame reads one frame of at most limit bytes into buf, which it returns
// grown as far as was needed. It makes room for what has come, not for what was
// promised. io.EOF is an end before a frame, io.ErrUnexpectedEOF one within.
func readFrame(r io.Reader, limit int, buf []byte) ([]byte, error) {
	buf = buf[:0]
	var header [headerLen]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return buf, err
	}
	length := binary.BigEndian.Uint32(header[:])
	if uint64(length) > uint64(limit) {
		return buf, errFrameTooLong
	}
	for rest := int(length); rest > 0; {
		if cap(buf) == len(buf) {
			buf = append(buf, make([]byte, min(rest, max(512, len(buf))))...)[:len(buf)]
		}
		room := buf[len(buf):min(cap(buf), len(buf)+rest)]
		n, err := r.Read(room)
		if n < 0 || n > len(room) {
			return buf, io.ErrShortBuffer
		}
		buf, rest = buf[:len(buf)+n], rest-n
		if err != nil && rest > 0 {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return buf, err
		}
	}
	return buf, nil
}

// frame returns a value as a frame. It reports errFrameTooLong when that has more
// than limit bytes.
func frame(value any, limit int) ([]byte, error) {
	b, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	if len(b) > limit {
		return nil, errFrameTooLong
	}
	f := make([]byte, headerLen, headerLen+len(b))
	binary.BigEndian.PutUint32(f, uint32(len(b)))
	return append(f, b...), nil
}
