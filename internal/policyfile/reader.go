package policyfile

import (
	"bytes"
	"fmt"
	"strings"
)

const (
	// MaxFile is the size of the largest file that is read, in bytes.
	MaxFile = 256 << 20
	// MaxLine is the length of the longest line, in bytes. The kernel takes no more
	// in one write.
	MaxLine = 4096
)

// reader hands out the lines of one file.
type reader struct {
	*reporter
	name    string
	data    []byte
	dialect Dialect
	named   bool // the file says itself which dialect it is in

	next int    // offset of the line after this one
	at   int    // offset of this one
	line int    // its number, from 1
	text []byte // it, without its end; valid until data is let go
}

// open checks what can be said of a file as a whole. It returns nil when there is
// nothing in it to read.
func (r *reporter) open(name string, data []byte, d Dialect) *reader {
	r.files = append(r.files, name)
	f := &reader{reporter: r, name: name, data: data, dialect: d}
	switch i := bytes.IndexByte(data, 0); {
	case len(data) > MaxFile:
		f.add(Problem{File: name, Code: "file-size", Message: fmt.Sprintf("%d bytes are more than the %d that a file may have", len(data), MaxFile)})
		return nil
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		f.advance()
		f.fail(1, "byte-order-mark", "save the file without one", "a byte order mark stands before the first line")
		return nil
	case i >= 0:
		for f.advance() && f.next <= i { // to the line that holds it
		}
		f.text = f.text[:min(len(f.text), MaxLine)]
		f.fail(i-f.at+1, "zero-byte", "this is not a text file", "a zero byte")
		return nil
	}
	if !f.directive() {
		return nil
	}
	return f
}

// advance moves to the next line, whatever its length.
func (f *reader) advance() bool {
	if f.next >= len(f.data) {
		return false
	}
	f.at = f.next
	f.line++
	rest := f.data[f.at:]
	if n := bytes.IndexByte(rest, '\n'); n >= 0 {
		f.text, f.next = rest[:n], f.at+n+1
	} else {
		f.text, f.next = rest, len(f.data)
	}
	return true
}

// scan moves to the next line that may be looked at. A carriage return at its end
// is white space to the kernel, but not to libsmack.
func (f *reader) scan() bool {
	for f.advance() {
		if n := len(f.text); n > 0 && f.text[n-1] == '\r' && f.dialect != Libsmack {
			f.text = f.text[:n-1]
		}
		if len(f.text) <= MaxLine {
			return true
		}
		f.text = f.text[:MaxLine]
		f.fail(MaxLine+1, "line-length", "", "the line is longer than %d bytes", MaxLine)
	}
	return false
}

// directive reads a first line of the form "# dialect: NAME", which every dialect
// may have, and passes it. It returns false when there is no such dialect: the
// file cannot be read then.
func (f *reader) directive() bool {
	start := *f
	if f.advance() && len(f.text) > 0 && len(f.text) <= MaxLine && f.text[0] == '#' {
		key, name, ok := strings.Cut(string(f.text[1:]), ":")
		if ok && strings.EqualFold(strings.TrimSpace(key), "dialect") {
			name = strings.TrimSpace(name)
			d, err := ParseDialect(name)
			if err != nil {
				f.fail(bytes.IndexByte(f.text, ':')+2, "dialect", "", "%v", err)
				return false
			}
			f.dialect, f.named = d, true
			return true
		}
	}
	f.next, f.at, f.line, f.text = start.next, start.at, start.line, start.text
	return true
}

// fail notes an error at a column of this line.
func (f *reader) fail(column int, code, hint, format string, args ...any) {
	f.add(Problem{File: f.name, Line: f.line, Column: column, Source: string(f.text), Message: fmt.Sprintf(format, args...), Hint: hint, Code: code})
}

// warn notes what means something, but hardly what was wanted.
func (f *reader) warn(column int, code, hint, format string, args ...any) {
	f.add(Problem{File: f.name, Line: f.line, Column: column, Source: string(f.text), Message: fmt.Sprintf(format, args...), Hint: hint, Code: code, Warning: true})
}
