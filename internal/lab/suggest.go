package lab

import (
	"reflect"
	"slices"

	"labelgate/internal/suggest"
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
	if suggest.Nearest(name, known) == "" && table != "" && slices.Contains(keysOf(tables[""]), name) {
		return name + " belongs at the top of the file, before the first [header]"
	}
	return suggest.HintOrAll(name, known)
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
