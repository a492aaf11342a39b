package cli

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// table writes rows in columns, those of numbers flush right.
type table struct {
	w       io.Writer
	numbers []bool
	rows    [][]string
}

// newTable begins a table with a row of heads. A > before a head makes its column
// one of numbers.
func newTable(w io.Writer, heads ...string) *table {
	t := &table{w: w, numbers: make([]bool, len(heads))}
	row := make([]string, len(heads))
	for i, h := range heads {
		row[i], t.numbers[i] = strings.CutPrefix(h, ">")
	}
	t.row(row...)
	return t
}

// row adds one row. Empty cells are dashes.
func (t *table) row(cells ...string) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = plain(c)
		if c == "" {
			row[i] = "-"
		}
	}
	t.rows = append(t.rows, row)
}

// flush writes the table.
func (t *table) flush() error {
	widths := make([]int, len(t.numbers))
	for _, r := range t.rows {
		for i, c := range r {
			widths[i] = max(widths[i], len(c)) // bytes are columns: all is ASCII
		}
	}
	w := bufio.NewWriter(t.w)
	var line []byte
	for _, r := range t.rows {
		line = line[:0]
		for i, c := range r {
			pad := strings.Repeat(" ", widths[i]-len(c))
			if t.numbers[i] {
				line = append(append(line, pad...), c...)
			} else {
				line = append(append(line, c...), pad...)
			}
			line = append(line, "  "...)
		}
		w.Write(append(bytes.TrimRight(line, " "), '\n'))
	}
	return w.Flush()
}
