package trail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"

	"labelgate/internal/audit"
)

// ChainLength is the length in bytes of a chain value.
const ChainLength = 16

// Value is a chain value. The first line of the first file follows the zero one.
type Value [ChainLength]byte

// Digest returns the value as a field of records.
func (v Value) Digest() audit.Digest { return audit.MakeDigest(v[:]) }

// over returns the chain value of a line whose bytes in front of its chain field
// are head, behind a line with value v.
func (v Value) over(head []byte) Value {
	h := sha256.New()
	h.Write(v[:])
	h.Write(head)
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return Value(sum[:ChainLength])
}

// What stands around a chain value, in both forms.
const (
	textField = " chain="
	jsonField = `,"chain":"`
	textEnd   = "\n"
	jsonEnd   = "\"}\n"
)

// AppendLine appends a record as a line behind one with value v, and returns the
// line's own value with it.
func (v Value) AppendLine(b []byte, r *audit.Record, f audit.Format) ([]byte, Value) {
	r.Chain = audit.Digest{}
	start := len(b)
	b = openLine(b, r, f)
	next := v.over(b[start:])
	return closeLine(b, next, f), next
}

// openLine appends the line up to its chain field.
func openLine(b []byte, r *audit.Record, f audit.Format) []byte {
	b = r.Append(b, f)
	if f == audit.JSON {
		b = b[:len(b)-len("}")]
	}
	return b
}

func closeLine(b []byte, v Value, f audit.Format) []byte {
	if f == audit.JSON {
		b = append(b, jsonField...)
		return append(hex.AppendEncode(b, v[:]), jsonEnd...)
	}
	b = append(b, textField...)
	return append(hex.AppendEncode(b, v[:]), textEnd...)
}

// cutLine splits a whole line, its end included, into what its chain value is
// about and the value. It reports false for what is no line of a trail.
func cutLine(line []byte) (head []byte, v Value, ok bool) {
	field, end := textField, textEnd
	if len(line) > 0 && line[0] == '{' {
		field, end = jsonField, jsonEnd
	}
	rest, ok := bytes.CutSuffix(line, []byte(end))
	if !ok || len(rest) < len(field)+2*ChainLength {
		return nil, v, false
	}
	at := len(rest) - 2*ChainLength
	head, ok = bytes.CutSuffix(rest[:at], []byte(field))
	if !ok {
		return nil, v, false
	}
	for i, c := range rest[at:] {
		digit := bytes.IndexByte([]byte("0123456789abcdef"), c)
		if digit < 0 {
			return nil, v, false
		}
		v[i/2] = v[i/2]<<4 | byte(digit)
	}
	return head, v, true
}
