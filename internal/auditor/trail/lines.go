package trail

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"time"

	"labelgate/internal/audit"
)

// maxLine is the length in bytes of the longest line of a trail: a record's, with
// what the auditor adds.
const maxLine = audit.MaxLine * 2

// lines reads the lines of a file.
type lines struct {
	file   *os.File
	buffer *bufio.Reader
	// settled: nobody writes the file now
	settled bool
}

func openLines(path string, offset int64) (*lines, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return &lines{file: f, buffer: bufio.NewReaderSize(f, maxLine)}, nil
}

func (l *lines) close() { l.file.Close() }

// next returns a line with its end, nil behind the last. What is longer than a
// line can be comes in pieces without one. It is valid until the next call.
func (l *lines) next() ([]byte, error) {
	line, err := l.buffer.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return append(bytes.Clone(line[:maxLine-1]), '\n'), nil // no record, and not the file's end either
	}
	if errors.Is(err, io.EOF) {
		err = nil
		if len(line) > 0 && !l.settled {
			line = l.rest(bytes.Clone(line))
		}
	}
	if len(line) == 0 {
		line = nil
	}
	return line, err
}

// rest waits for the end of a line that is being written at this moment.
func (l *lines) rest(line []byte) []byte {
	for range 10 {
		time.Sleep(20 * time.Millisecond)
		more, err := l.buffer.ReadSlice('\n')
		line = append(line, more...)
		if !errors.Is(err, io.EOF) || len(line) > maxLine {
			break
		}
	}
	return line
}

// holds reports whether a record follows, by its sequence number. Nothing can be
// read then.
func (l *lines) holds(seq uint64) bool {
	for {
		line, err := l.next()
		if err != nil || line == nil {
			return false
		}
		if n, ok := sequence(line); ok && n == seq {
			return true
		}
	}
}

func firstLine(path string) ([]byte, error) {
	l, err := openLines(path, 0)
	if err != nil {
		return nil, err
	}
	defer l.close()
	l.settled = true // a first line without an end is none in any case
	return l.next()
}

// sequence reads the sequence number of a line, and nothing else of it.
func sequence(line []byte) (uint64, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"seq":`))
	end := byte(',')
	if !ok {
		if rest, ok = bytes.CutPrefix(line, []byte(`type=AVC msg=audit(`)); !ok {
			return 0, false
		}
		if _, rest, ok = bytes.Cut(rest, []byte(":")); !ok {
			return 0, false
		}
		end = ')'
	}
	n := bytes.IndexByte(rest, end)
	if n < 0 || n > 20 {
		return 0, false
	}
	seq, err := strconv.ParseUint(string(rest[:n]), 10, 64)
	return seq, err == nil
}
