package cipso

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// row is one line of a recorded table by column name.
type row map[string]string

// table reads a recorded table; test/vectors says where it comes from.
func table(t *testing.T, path string) []row {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "test", "vectors", filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	columns := strings.Split(lines[0], "\t")
	var rows []row
	for i, line := range lines[1:] {
		fields := strings.Split(line, "\t")
		if len(fields) != len(columns) {
			t.Fatalf("%s:%d: %d fields, want %d", path, i+2, len(fields), len(columns))
		}
		r := make(row)
		for j, name := range columns {
			r[name] = fields[j]
		}
		rows = append(rows, r)
	}
	return rows
}

// options returns the option area of the packet.
func (r row) options(t *testing.T) []byte {
	t.Helper()
	b, err := hex.DecodeString(r["ip_options_hex"])
	if err != nil {
		t.Fatalf("%v: %v", r, err)
	}
	return b
}

// padded appends zeroes up to a multiple of four.
func padded(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
