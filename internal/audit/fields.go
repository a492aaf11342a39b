package audit

import (
	"encoding/hex"
	"net/netip"
	"strconv"
)

// Fields shows every field of the record that is not empty, but for seq and time,
// under the names and in the order of its written forms. A text that is not
// printable ASCII comes as hexadecimal digits under its name with _hex behind.
func (r *Record) Fields(show func(key, value string)) { r.encode(fieldEncoder(show)) }

type fieldEncoder func(key, value string)

func (show fieldEncoder) word(key, value string) { show.name(key, value) }

func (show fieldEncoder) name(key, value string) {
	switch {
	case value == "":
	case printable(value, ' '):
		show(key, value)
	default:
		show(key+"_hex", string(appendHex(nil, value)))
	}
}

func (show fieldEncoder) address(key string, value netip.Addr) {
	if value.IsValid() {
		show(key, value.WithZone("").String())
	}
}

func (show fieldEncoder) network(key string, value netip.Prefix) {
	if value.IsValid() {
		show(key, value.String())
	}
}

func (show fieldEncoder) number(key string, value uint64) { show(key, strconv.FormatUint(value, 10)) }

func (show fieldEncoder) bytes(key string, value []byte) {
	if len(value) > 0 {
		show(key, hex.EncodeToString(value))
	}
}
