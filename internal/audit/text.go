package audit

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"
)

// AppendText appends the record as one line of text without its end:
//
//	type=AVC msg=audit(1700000000.123:456): lsm=labelgate event=decision fn=gw_forward action=denied subject="Pop" ...
//
// The part before lsm= is left out when the record has no time yet.
func (r *Record) AppendText(b []byte) []byte {
	if !r.Time.IsZero() {
		b = append(b, "type=AVC msg=audit("...)
		b = appendStamp(b, r.Time)
		b = append(b, ':')
		b = strconv.AppendUint(b, r.Seq, 10)
		b = append(b, "): "...)
	}
	e := textEncoder{append(b, "lsm=labelgate"...)}
	r.encode(&e)
	return e.b
}

// appendStamp writes seconds since 1970, a point and three digits.
func appendStamp(b []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	if ms < 0 {
		ms = 0
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	ms %= 1000
	return append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

type textEncoder struct{ b []byte }

func (e *textEncoder) key(key string) {
	e.b = append(e.b, ' ')
	e.b = append(e.b, key...)
	e.b = append(e.b, '=')
}

func (e *textEncoder) quoted(value string) {
	e.b = append(e.b, '"')
	e.b = append(e.b, value...)
	e.b = append(e.b, '"')
}

// word writes a value bare where that is possible. One that could be taken for
// hexadecimal digits is quoted.
func (e *textEncoder) word(key, value string) {
	if value == "" {
		return
	}
	e.key(key)
	switch {
	case !printable(value, ' '):
		e.b = appendHex(e.b, value)
	case printable(value, '!') && !hexDigits(value):
		e.b = append(e.b, value...)
	default:
		e.quoted(value)
	}
}

// name writes a value as the kernel's audit_log_untrustedstring does.
func (e *textEncoder) name(key, value string) {
	if value == "" {
		return
	}
	e.key(key)
	if printable(value, '!') {
		e.quoted(value)
		return
	}
	e.b = appendHex(e.b, value)
}

func (e *textEncoder) address(key string, value netip.Addr) {
	if value.IsValid() {
		e.key(key)
		e.b = value.WithZone("").AppendTo(e.b)
	}
}

func (e *textEncoder) number(key string, value uint64) {
	e.key(key)
	e.b = strconv.AppendUint(e.b, value, 10)
}

func (e *textEncoder) network(key string, value netip.Prefix) {
	if value.IsValid() {
		e.key(key)
		e.b = value.AppendTo(e.b)
	}
}

func (e *textEncoder) bytes(key string, value []byte) {
	if len(value) > 0 {
		e.key(key)
		e.b = hex.AppendEncode(e.b, value)
	}
}

// printable reports whether all of s is printable ASCII from low on and none of
// it a double quote.
func printable(s string, low byte) bool {
	for i := range len(s) {
		if s[i] < low || s[i] > '~' || s[i] == '"' {
			return false
		}
	}
	return true
}

// hexDigits reports whether s looks as appendHex writes.
func hexDigits(s string) bool {
	if len(s)%2 != 0 {
		return false
	}
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'A' || s[i] > 'F') {
			return false
		}
	}
	return true
}

// appendHex writes capital letters, as the kernel does.
func appendHex(b []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		b = append(b, digits[s[i]>>4], digits[s[i]&15])
	}
	return b
}
