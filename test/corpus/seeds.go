package corpus

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// recorded are the tables of test/vectors that have option areas, the columns of
// the areas, and what at least they hold.
var recorded = []struct {
	file  string
	least int
}{
	{"receive/rx_vectors.tsv", 300},
	{"wire/cipso_wire.tsv", 300},
}

// Recorded returns the option areas, each once and in the order of the tables,
// that real hosts sent and received. root is where the module is.
func Recorded(root string) ([][]byte, error) {
	var all [][]byte
	seen := make(map[string]bool)
	for _, table := range recorded {
		data, err := os.ReadFile(filepath.Join(root, "test", "vectors", filepath.FromSlash(table.file)))
		if err != nil {
			return nil, err
		}
		lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
		column := index(strings.Split(lines[0], "\t"), "ip_options_hex")
		found := 0
		for i, line := range lines[1:] {
			fields := strings.Split(line, "\t")
			if column < 0 || column >= len(fields) {
				return nil, fmt.Errorf("%s:%d: no column of option areas", table.file, i+2)
			}
			// Two fragments have their areas in one field.
			for text := range strings.SplitSeq(fields[column], "+") {
				area, err := hex.DecodeString(text)
				if err != nil {
					return nil, fmt.Errorf("%s:%d: %w", table.file, i+2, err)
				}
				if len(area) == 0 || len(area) > maxArea || seen[text] {
					continue
				}
				seen[text] = true
				all = append(all, area)
				found++
			}
		}
		if found < table.least {
			return nil, fmt.Errorf("%s: only %d option areas", table.file, found)
		}
	}
	return all, nil
}

func index(list []string, name string) int {
	for i, s := range list {
		if s == name {
			return i
		}
	}
	return -1
}

// Kept returns the byte strings that the fuzz targets of a package keep as their
// corpora, pkg being its directory below root.
func Kept(root, pkg string) ([][]byte, error) {
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pkg), "testdata", "fuzz", "*", "*"))
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(data) {
			text, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "[]byte(")
			if !ok {
				continue
			}
			b, err := strconv.Unquote(strings.TrimSuffix(text, ")"))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, []byte(b))
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s keeps no corpus", pkg)
	}
	return all, nil
}
