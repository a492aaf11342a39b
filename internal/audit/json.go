package audit

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendJSON appends the record as one JSON object without a line end. The order
// of its keys is always the same. A name that is not printable ASCII without
// quotes stands as hexadecimal digits under its key with _hex put behind.
func (r *Record) AppendJSON(b []byte) []byte {
	e := jsonEncoder{append(b, '{')}
	e.number("seq", r.Seq)
	if !r.Time.IsZero() {
		e.key("time")
		e.b = append(e.b, '"')
		e.b = r.Time.UTC().AppendFormat(e.b, time.RFC3339Nano)
		e.b = append(e.b, '"')
	}
	r.encode(&e)
	return append(e.b, '}')
}

type jsonEncoder struct{ b []byte }

func (e *jsonEncoder) key(key string) {
	if e.b[len(e.b)-1] != '{' {
		e.b = append(e.b, ',')
	}
	e.b = append(e.b, '"')
	e.b = append(e.b, key...)
	e.b = append(e.b, '"', ':')
}

func (e *jsonEncoder) word(key, value string) {
	if value != "" {
		e.key(key)
		e.b = appendString(e.b, value)
	}
}

func (e *jsonEncoder) name(key, value string) {
	if value == "" || printable(value, '!') {
		e.word(key, value)
		return
	}
	e.key(key + "_hex")
	e.b = append(e.b, '"')
	e.b = appendHex(e.b, value)
	e.b = append(e.b, '"')
}

func (e *jsonEncoder) address(key string, value netip.Addr) {
	if value.IsValid() {
		e.key(key)
		e.b = append(e.b, '"')
		e.b = value.WithZone("").AppendTo(e.b)
		e.b = append(e.b, '"')
	}
}

func (e *jsonEncoder) number(key string, value uint64) {
	e.key(key)
	e.b = strconv.AppendUint(e.b, value, 10)
}

func (e *jsonEncoder) option(key string, value *Option) {
	if value.n > 0 {
		e.key(key)
		e.b = append(e.b, '"')
		e.b = hex.AppendEncode(e.b, value.Bytes())
		e.b = append(e.b, '"')
	}
}

// appendString writes a JSON string of printable ASCII: all else is escaped, so
// that no record speaks to the terminal that shows it. Bytes that are no UTF-8
// become U+FFFD.
func appendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= ' ' && r <= '~':
			b = append(b, byte(r))
		default:
			for _, unit := range utf16Units(r) {
				b = append(b, '\\', 'u', digits[unit>>12], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
			}
		}
	}
	return append(b, '"')
}

// utf16Units returns the one or two units by which JSON escapes a rune.
func utf16Units(r rune) []uint16 {
	if r < 0x10000 {
		return []uint16{uint16(r)}
	}
	if r > utf8.MaxRune {
		return []uint16{utf8.RuneError}
	}
	r -= 0x10000
	return []uint16{uint16(0xd800 + r>>10), uint16(0xdc00 + r&0x3ff)}
}
