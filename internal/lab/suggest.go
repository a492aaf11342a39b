package lab

import (
	"reflect"
	"slices"
	"strings"
)

// unknownKeyHint says which keys a table has. The trap of the format: a key
// below a [header] belongs to that header.
func unknownKeyHint(key []string) string {
	tables := map[string]any{"": rawTopology{}, "gateway": rawGateway{}, "host": rawHost{}, "expect": rawExpect{}}
	table := ""
	if len(key) > 1 {
		table = key[0]
	}
	name := key[len(key)-1]
	known := keysOf(tables[table])
	for _, k := range known {
		if nearly(name, k) {
			return `did you mean "` + k + `"?`
		}
	}
	if table != "" && slices.Contains(keysOf(tables[""]), name) {
		return name + " belongs at the top of the file, before the first [header]"
	}
	return "known: " + strings.Join(known, ", ")
}

func keysOf(table any) []string {
	var keys []string
	if table == nil {
		return nil
	}
	for t, i := reflect.TypeOf(table), 0; i < t.NumField(); i++ {
		keys = append(keys, t.Field(i).Tag.Get("toml"))
	}
	return keys
}

// nearly reports whether one insertion, deletion, substitution or swap of
// neighbours, or a lost or added plural, turns a into b.
func nearly(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 2 {
		return false
	}
	if strings.HasPrefix(b, a) {
		return len(a) > 1
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	ra, rb := a[i:], b[i:]
	switch len(rb) - len(ra) {
	case 1:
		return ra == rb[1:]
	case 0:
		return ra[1:] == rb[1:] || len(ra) > 1 && ra[0] == rb[1] && ra[1] == rb[0] && ra[2:] == rb[2:]
	}
	return false
}
