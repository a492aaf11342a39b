package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// The frames of the protocol.
type (
	hello struct {
		Protocol int    `json:"protocol"`
		Version  string `json:"version,omitempty"`
		Class    string `json:"class,omitempty"`
		Error    *Error `json:"error,omitempty"`
	}
	request struct {
		Verb string `json:"verb"`
		Args Args   `json:"args,omitzero"`
	}
	answer struct {
		Result any    `json:"result,omitempty"`
		Next   string `json:"next,omitempty"`
		Error  *Error `json:"error,omitempty"`
	}
)

// parseRequest reads the content of a frame. It takes nothing that it does not
// know.
func parseRequest(b []byte) (request, error) {
	var r request
	if !utf8.Valid(b) {
		return r, errors.New("a request is UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it ends too early")
		}
		return request{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return request{}, errors.New("a frame holds one object and nothing behind it")
	}
	return r, nil
}

// check returns what is wrong with the arguments of a verb, nil when nothing is.
func (r *request) check(v Verb) *Error {
	switch {
	case !v.Paged && r.Args != Args{}:
		return Errorf(CodeBadRequest, "%s takes no arguments", v.Name)
	case len(r.Args.Cursor) > MaxCursor:
		return Errorf(CodeBadRequest, "a cursor has at most %d bytes", MaxCursor)
	case r.Args.Limit < 0 || r.Args.Limit > MaxRows:
		return Errorf(CodeBadRequest, "limit must be 0..%d, this is %d", MaxRows, r.Args.Limit)
	}
	return nil
}

// printable returns text that cannot speak to a terminal or forge a record: at
// most limit bytes of printable ASCII.
func printable(text string, limit int) string {
	b := []byte(text[:min(len(text), limit)])
	for i, c := range b {
		if c < 0x20 || c > 0x7e {
			b[i] = '?'
		}
	}
	return string(b)
}
