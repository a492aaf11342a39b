package audit

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"
)

// AppendJSON appends the record as one JSON object without a line end. The order
// of its keys is always the same. A name that is not printable ASCII without
// quotes stands as hexadecimal digits under its key with _hex put behind.
func (r *Record) AppendJSON(b []byte) []byte {
	e := jsonEncoder{b}
	r.appendJSON(&e)
	return e.b
}

func (r *Record) appendJSON(e *jsonEncoder) {
	e.b = append(e.b, '{')
	e.number("seq", r.Seq)
	if !r.Time.IsZero() {
		e.key("time")
		e.b = append(e.b, '"')
		e.b = r.Time.UTC().AppendFormat(e.b, time.RFC3339Nano)
		e.b = append(e.b, '"')
	}
	r.encode(e)
	e.b = append(e.b, '}')
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
	e.key(key)
	e.b = append(e.b[:len(e.b)-len(`":`)], `_hex":"`...)
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

func (e *jsonEncoder) network(key string, value netip.Prefix) {
	if value.IsValid() {
		e.key(key)
		e.b = append(e.b, '"')
		e.b = value.AppendTo(e.b)
		e.b = append(e.b, '"')
	}
}

func (e *jsonEncoder) bytes(key string, value []byte) {
	if len(value) > 0 {
		e.key(key)
		e.b = append(e.b, '"')
		e.b = hex.AppendEncode(e.b, value)
		e.b = append(e.b, '"')
	}
}

// appendString writes a JSON string of printable ASCII: all else is escaped, so
// that no record speaks to the terminal that shows it. Bytes that are no UTF-8
// become U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= ' ' && r <= '~':
			b = append(b, byte(r))
		case r < 0x10000:
			b = appendUnit(b, uint16(r))
		default:
			r -= 0x10000
			b = appendUnit(b, uint16(0xd800+r>>10))
			b = appendUnit(b, uint16(0xdc00+r&0x3ff))
		}
	}
	return append(b, '"')
}

// appendUnit escapes a unit of UTF-16.
func appendUnit(b []byte, unit uint16) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[unit>>12], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}
