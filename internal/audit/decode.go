package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Decoder reads the lines of datagrams. It takes nothing but what a Pipe sends,
// byte for byte: who sends them may have been taken over by a packet. A Decoder
// belongs to one goroutine.
type Decoder struct {
	encoder jsonEncoder
	again   []byte
}

var errNotCanonical = errors.New("not as a record is written")

// Decode reads one line, its end included.
func (d *Decoder) Decode(line []byte) (Record, error) {
	if len(line) > MaxLine {
		return Record{}, fmt.Errorf("%d bytes are more than a line has", len(line))
	}
	object, ok := bytes.CutSuffix(line, []byte("\n"))
	if !ok {
		return Record{}, errNotCanonical
	}
	r, err := d.canonical(object)
	if err != nil {
		return Record{}, err
	}
	return r, admissible(&r)
}

// canonical reads what AppendJSON writes.
func (d *Decoder) canonical(object []byte) (r Record, err error) {
	body, ok := bytes.CutSuffix(object, []byte("}"))
	if !ok {
		return r, errNotCanonical
	}
	if body, ok = bytes.CutPrefix(body, []byte("{")); !ok {
		return r, errNotCanonical
	}
	for more := true; more; {
		if body, more, err = field(&r, body); err != nil {
			return Record{}, err
		}
	}
	// What reads another order, other spaces, a field twice or other digits of
	// the same number writes it differently.
	d.encoder.b = d.again[:0]
	r.appendJSON(&d.encoder)
	d.again = d.encoder.b
	if !bytes.Equal(d.again, object) {
		return Record{}, errNotCanonical
	}
	return r, nil
}

// field reads "key":value and the comma behind, if there is one.
func field(r *Record, b []byte) (rest []byte, more bool, err error) {
	if len(b) == 0 || b[0] != '"' {
		return nil, false, errNotCanonical
	}
	key, b, ok := bytes.Cut(b[1:], []byte(`":`))
	if !ok || len(key) > 32 || len(b) == 0 {
		return nil, false, errNotCanonical
	}
	if b[0] == '"' {
		var value string
		if value, b, err = quoted(b); err != nil {
			return nil, false, err
		}
		err = r.setJSON(string(key), value)
	} else {
		n := bytes.IndexByte(b, ',')
		if n < 0 {
			n = len(b)
		}
		err = r.setJSON(string(key), json.Number(b[:n]))
		b = b[n:]
	}
	if err != nil || len(b) == 0 {
		return nil, false, err
	}
	if b[0] != ',' {
		return nil, false, errNotCanonical
	}
	return b[1:], true, nil
}

// quoted reads a JSON string off the front of b.
func quoted(b []byte) (value string, rest []byte, err error) {
	plain := true
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"' && plain:
			return string(b[1:i]), b[i+1:], nil
		case c == '"':
			err := json.Unmarshal(b[:i+1], &value)
			return value, b[i+1:], err
		case c == '\\':
			plain = false
			i++
		case c < ' ' || c >= utf8.RuneSelf:
			return "", nil, errNotCanonical
		}
	}
	return "", nil, errNotCanonical
}

// admissible refuses what only the auditor writes, and what nobody does.
func admissible(r *Record) error {
	switch {
	case !Known(r.Event):
		return fmt.Errorf("there is no event %.40q", r.Event)
	case Reserved(r.Event):
		return fmt.Errorf("event %s is the auditor's own", r.Event)
	case r.Process == ProcessAuditor && (r.Event == EventAuditDegraded || r.Event == EventAuditRecovered):
		return errors.New("only the auditor tells of itself")
	case r.Seq != 0:
		return errors.New("sequence numbers are the auditor's")
	case r.Trail != Trail{}:
		return errors.New("a field of the trail")
	case r.Time.IsZero() || r.Mono == 0:
		return errors.New("no time")
	}
	short := *r
	if short.shorten(MaxField); short != *r {
		return fmt.Errorf("a text of more than %d bytes", MaxField)
	}
	return nil
}
