package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// ParseText reads a line that AppendText wrote. It accepts the fields in any
// order, but none that it does not know and none twice.
func ParseText(line string) (Record, error) {
	var r Record
	rest, err := r.parseStamp(strings.TrimSuffix(line, "\n"))
	if err != nil {
		return Record{}, err
	}
	rest, ok := strings.CutPrefix(rest, "lsm=labelgate")
	if !ok {
		return Record{}, errors.New("not a record of labelgate")
	}
	seen := make(map[string]bool)
	for rest != "" {
		rest, ok = strings.CutPrefix(rest, " ")
		if !ok {
			return Record{}, fmt.Errorf("no space before %.20q", rest)
		}
		key, value, tail, err := cutField(rest)
		if err != nil {
			return Record{}, err
		}
		if seen[key] {
			return Record{}, fmt.Errorf("field %s stands twice", key)
		}
		seen[key] = true
		if err := r.set(key, value); err != nil {
			return Record{}, err
		}
		rest = tail
	}
	return r, nil
}

// parseStamp reads time and sequence number, where they stand.
func (r *Record) parseStamp(line string) (rest string, err error) {
	rest, ok := strings.CutPrefix(line, "type=AVC msg=audit(")
	if !ok {
		return line, nil
	}
	stamp, rest, ok := strings.Cut(rest, "): ")
	at, seq, ok2 := strings.Cut(stamp, ":")
	seconds, ms, ok3 := strings.Cut(at, ".")
	if !ok || !ok2 || !ok3 || len(ms) != 3 {
		return "", fmt.Errorf("bad time %.40q", stamp)
	}
	s, err1 := strconv.ParseUint(seconds, 10, 40)
	m, err2 := strconv.ParseUint(ms, 10, 16)
	n, err3 := strconv.ParseUint(seq, 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return "", err
	}
	r.Seq = n
	return rest, r.setTime(time.UnixMilli(int64(s*1000 + m)))
}

// setTime takes a time that both forms can show.
func (r *Record) setTime(t time.Time) error {
	r.Time = t.UTC()
	if year := r.Time.Year(); year < 1970 || year > 9999 {
		return fmt.Errorf("year %d", year)
	}
	return nil
}

// cutField takes one key=value off the front of s and undoes the quoting.
func cutField(s string) (key, value, rest string, err error) {
	key, rest, ok := strings.Cut(s, "=")
	if !ok {
		return "", "", "", fmt.Errorf("no value in %.20q", s)
	}
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		value, rest, ok = strings.Cut(quoted, `"`)
		if !ok {
			return "", "", "", fmt.Errorf("%s: quote without end", key)
		}
		return key, value, rest, nil
	}
	value = rest
	if i := strings.IndexByte(rest, ' '); i >= 0 {
		value = rest[:i]
	}
	rest = rest[len(value):]
	if value == "" {
		return "", "", "", fmt.Errorf("%s: no value", key)
	}
	if isText(key) && hexDigits(value) {
		decoded, err := hex.DecodeString(value)
		return key, string(decoded), rest, err
	}
	return key, value, rest, nil
}

// isText reports whether the field is a string, which alone may be quoted or
// written as hexadecimal digits.
func isText(key string) bool {
	_, ok := new(Record).field(key).(*string)
	return ok
}

// set gives the field its value.
func (r *Record) set(key, value string) error {
	var err error
	switch field := r.field(key).(type) {
	case nil:
		return fmt.Errorf("unknown field %.40q", key)
	case *string:
		*field = value
	case *netip.Addr:
		*field, err = netip.ParseAddr(value)
		if err == nil && field.Zone() != "" {
			err = errors.New("an address with a zone")
		}
	case *netip.Prefix:
		*field, err = parseNetwork(value)
	case *Option:
		err = field.parse(value)
	case *Digest:
		*field, err = ParseDigest(value)
	case *uint8:
		err = parseNumber(field, value, 8)
	case *uint16:
		err = parseNumber(field, value, 16)
	case *uint32:
		err = parseNumber(field, value, 32)
	case *uint64:
		err = parseNumber(field, value, 64)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

func parseNetwork(value string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(value)
	if err == nil && p != p.Masked() {
		err = errors.New("an address and not a network")
	}
	return p, err
}

func parseNumber[T uint8 | uint16 | uint32 | uint64](into *T, value string, bits int) error {
	n, err := strconv.ParseUint(value, 10, bits)
	*into = T(n)
	return err
}

func (o *Option) parse(value string) error {
	b, err := hex.DecodeString(value)
	if err == nil && len(b) > MaxOption {
		err = fmt.Errorf("%d bytes are more than an option can be", len(b))
	}
	*o = MakeOption(b)
	return err
}

// ParseJSON reads a line that AppendJSON wrote. It accepts the keys in any
// order, but none that it does not know and none twice.
func ParseJSON(line []byte) (Record, error) {
	var quick Decoder
	if r, err := quick.canonical(bytes.TrimSuffix(line, []byte("\n"))); err == nil {
		return r, nil
	}
	return parseJSON(line)
}

// parseJSON reads what is not written exactly as AppendJSON does, slowly.
func parseJSON(line []byte) (Record, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return Record{}, errors.New("not a JSON object")
	}
	var r Record
	seen := make(map[string]bool)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return Record{}, err
		}
		value, err := d.Token()
		if err != nil {
			return Record{}, err
		}
		name := strings.TrimSuffix(key.(string), "_hex")
		if seen[name] {
			return Record{}, fmt.Errorf("field %s stands twice", name)
		}
		seen[name] = true
		if err := r.setJSON(key.(string), value); err != nil {
			return Record{}, err
		}
	}
	if _, err := d.Token(); err != nil {
		return Record{}, err
	}
	if len(bytes.TrimSpace(line[d.InputOffset():])) > 0 {
		return Record{}, errors.New("something stands behind the object")
	}
	return r, nil
}

// isName reports whether the field may hold anything, and is then written as
// hexadecimal digits.
func isName(key string) bool {
	switch key {
	case "subject", "object", "direct", "detail":
		return true
	}
	return false
}

func (r *Record) setJSON(key string, value json.Token) error {
	switch value := value.(type) {
	case json.Number:
		if key == "seq" {
			return parseNumber(&r.Seq, value.String(), 64)
		}
		switch r.field(key).(type) {
		case *uint8, *uint16, *uint32, *uint64:
			return r.set(key, value.String())
		}
	case string:
		if key == "time" {
			t, err := time.Parse(time.RFC3339Nano, value)
			return errors.Join(err, r.setTime(t))
		}
		if name, ok := strings.CutSuffix(key, "_hex"); ok && isName(name) {
			b, err := hex.DecodeString(value)
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			return r.set(name, string(b))
		}
		switch r.field(key).(type) {
		case *string, *netip.Addr, *netip.Prefix, *Option, *Digest:
			return r.set(key, value)
		}
	}
	if r.field(key) == nil {
		return fmt.Errorf("unknown field %.40q", key)
	}
	return fmt.Errorf("%s: wrong type of value", key)
}
