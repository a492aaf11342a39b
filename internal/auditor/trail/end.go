package trail

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"labelgate/internal/audit"
)

// End is where a file stops and the next line goes on.
type End struct {
	Header audit.Record // the file's first record; zero in an empty file
	Last   audit.Record
	Seal   audit.Record // the last seal; zero when there is none
	Value  Value        // chain value of the last line
	Size   int64        // bytes of whole lines; what is behind is torn
	Next   uint64       // number of the next seal, where no key has its own
	Since  uint64       // records behind the last seal

	// Recent are the last records, the oldest first: as many as any datagram
	// could have held, and some more.
	Recent []audit.Record
}

// Empty reports whether the file has no whole line.
func (e *End) Empty() bool { return e.Size == 0 }

// Closed reports whether the file was sealed for good.
func (e *End) Closed() bool {
	return e.Last.Event == audit.EventSealed && e.Last.Reason == SealRotated
}

// recentBytes of a file hold every record of a datagram, however its lines grow
// when they are written.
const recentBytes = 1 << 20

// ReadEnd reads the end of a file of size bytes. It checks no chain: that is
// Verify's. A file whose end is not a trail's is an error.
func ReadEnd(f io.ReaderAt, size int64) (End, error) {
	var e End
	if size == 0 {
		return e, nil
	}
	for window := int64(recentBytes); ; window *= 4 {
		b := make([]byte, min(window, size))
		if _, err := f.ReadAt(b, size-int64(len(b))); err != nil && !errors.Is(err, io.EOF) {
			return e, err
		}
		at := size - int64(len(b))
		if at > 0 {
			// The first line in it is not whole.
			skip := bytes.IndexByte(b, '\n') + 1
			at += int64(skip)
			b = b[skip:]
		}
		if sealed := e.read(b, at); sealed || at == 0 {
			return e, e.readHeader(f, size, sealed)
		}
	}
}

// read takes the whole lines of b, which begin at an offset of the file. It
// reports whether there is a seal among them.
func (e *End) read(b []byte, at int64) (sealed bool) {
	*e = End{}
	for n := 0; len(b) > 0; b, at = b[n:], at+int64(n) {
		if n = bytes.IndexByte(b, '\n') + 1; n == 0 {
			break
		}
		_, v, ok := cutLine(b[:n])
		if !ok {
			continue
		}
		// Only the end is looked at closely: most of a large window serves to find
		// the last seal.
		if recent := len(b) <= recentBytes; recent || maybe(b[:n], audit.EventSealed) {
			r, _, err := audit.Parse(b[:n])
			if err != nil {
				continue
			}
			if e.Last = r; recent {
				e.Recent = append(e.Recent, r)
			}
		}
		e.Value, e.Size = v, at+int64(n)
		e.Since++
		if e.Last.Event == audit.EventSealed && e.Last.Chain == v.Digest() {
			sealed, e.Seal, e.Next, e.Since = true, e.Last, e.Last.Seal+1, 0
		}
	}
	return sealed
}

func (e *End) readHeader(f io.ReaderAt, size int64, sealed bool) error {
	b := make([]byte, min(size, audit.MaxLine))
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	line := b[:bytes.IndexByte(b[:n], '\n')+1]
	if len(line) == 0 {
		// Not even the first line was written whole. If this is no trail at all,
		// it is not for us to cut.
		if n == len(b) && n == audit.MaxLine || !begins(b[:n]) {
			return errors.New("it is not a trail of labelgated")
		}
		*e = End{}
		return nil
	}
	if e.Header, err = parseHeader(line); err != nil {
		return fmt.Errorf("line 1: %w", err)
	}
	if e.Empty() {
		return errors.New("it has no record at its end")
	}
	if !sealed {
		e.Next = e.Header.Seal
	}
	return nil
}

// begins reports whether b can be the beginning of a file's first line.
func begins(b []byte) bool {
	for _, start := range []string{`type=AVC msg=audit(`, `{"seq":`} {
		n := min(len(b), len(start))
		if string(b[:n]) == start[:n] {
			return true
		}
	}
	return false
}
