package manifest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// SyntaxError is what is wrong with the text of a manifest.
type SyntaxError struct {
	Line    int // from 1, 0 for the text as a whole
	Message string
}

// Error is the message with its line.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Message)
}

// Parse reads the text of a manifest. The error is a *SyntaxError.
func Parse(data []byte) (*Manifest, error) {
	if len(data) > MaxSize {
		return nil, &SyntaxError{0, fmt.Sprintf("larger than the %d MiB that a manifest may have", MaxSize>>20)}
	}
	if !bytes.HasPrefix(data, []byte(firstLine+"\n")) {
		return nil, &SyntaxError{1, fmt.Sprintf("does not begin with %q", firstLine)}
	}
	body, ok := summed(data)
	if !ok {
		return nil, &SyntaxError{0, "cut off or changed: its sum in the last line is not that of the lines above"}
	}
	p := parser{rest: body, line: 0}
	m := p.manifest()
	if p.err == nil {
		p.fail(m.check())
	}
	// Whatever could be written in two ways can be in one only.
	if p.err == nil && !bytes.Equal(m.appendBody(nil), body) {
		p.fail(fmt.Errorf("not in the form in which manifests are written"))
	}
	if p.err != nil {
		return nil, p.err
	}
	return m, nil
}

// parser takes a body apart line by line. After the first error it goes on with
// nothing.
type parser struct {
	rest []byte
	line int
	err  *SyntaxError
}

func (p *parser) fail(err error) {
	if p.err == nil && err != nil {
		p.err = &SyntaxError{p.line, err.Error()}
	}
}

func (p *parser) next() []byte {
	line, rest, _ := bytes.Cut(p.rest, []byte("\n"))
	p.rest = rest
	p.line++
	return line
}

// value returns what stands behind a word in the next line.
func (p *parser) value(word string) string {
	value, ok := bytes.CutPrefix(p.next(), []byte(word+" "))
	if !ok {
		p.fail(fmt.Errorf("want %q", word))
	}
	return string(value)
}

func (p *parser) manifest() *Manifest {
	m := new(Manifest)
	p.next()
	m.Version = p.number(p.value("version"))
	m.Created = p.time(p.value("created"))
	if text := p.value("expires"); text != "never" {
		m.Expires = p.time(text)
	}
	if text := p.value("key"); text != "none" {
		m.Key = text
	}
	for len(p.rest) > 0 && p.err == nil {
		m.Files = append(m.Files, p.file(p.next()))
	}
	if p.err == nil {
		p.line = 0 // what is checked from here on is of no line
	}
	return m
}

func (p *parser) number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		p.fail(fmt.Errorf("%q is not a number", text))
	}
	return n
}

func (p *parser) time(text string) time.Time {
	t, err := time.Parse(timeForm, text)
	if err != nil {
		p.fail(fmt.Errorf("%q is not a time as in %q", text, "2026-01-31T12:00:00Z"))
	}
	return t.UTC()
}

func (p *parser) file(line []byte) File {
	var f File
	field := bytes.SplitN(line, []byte("  "), 3)
	if len(field) != 3 || len(field[0]) != hex.EncodedLen(len(f.Sum)) {
		p.fail(fmt.Errorf("a file has a SHA-256 sum, a size and a path, with two spaces between"))
		return f
	}
	if _, err := hex.Decode(f.Sum[:], field[0]); err != nil {
		p.fail(fmt.Errorf("%q is not a SHA-256 sum", field[0]))
	}
	f.Size = int64(p.number(string(field[1])))
	f.Path = string(field[2])
	return f
}
