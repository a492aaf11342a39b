// Package figures writes what a command measured as JSON lines, one object a
// figure, for programs; the commands print tables for people themselves.
package figures

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
)

// Dir is where the files go, relative to the root of the module.
const Dir = "out/figures"

// Figure is one measured number.
type Figure struct {
	ID      string  `json:"id"`      // words separated by slashes, the same from run to run
	Value   float64 `json:"value"`   // in Unit
	Unit    string  `json:"unit"`    // "ns", "x", "B/rule", ...
	Against string  `json:"against"` // what Value is a ratio to, "" when it stands alone
	Bar     string  `json:"bar"`     // what Value is to be, such as ">= 4", "" when nothing is asked of it
	Pass    *bool   `json:"pass"`    // null without a bar
}

// AtLeast returns the figure with a bar that it must reach.
func (f Figure) AtLeast(bar float64) Figure {
	return f.held(">= ", bar, f.Value >= bar)
}

// AtMost returns the figure with a bar that it must not exceed.
func (f Figure) AtMost(bar float64) Figure {
	return f.held("<= ", bar, f.Value <= bar)
}

func (f Figure) held(relation string, bar float64, pass bool) Figure {
	f.Bar = relation + strconv.FormatFloat(bar, 'f', -1, 64)
	f.Pass = &pass
	return f
}

// Missed reports whether the figure has a bar and is on the wrong side of it.
func (f Figure) Missed() bool { return f.Pass != nil && !*f.Pass }

// Writer writes the figures of one command. It belongs to one goroutine.
type Writer struct {
	file   *os.File
	buffer *bufio.Writer
	json   *json.Encoder
	err    error
	missed []Figure
}

// Create makes the file of a command, Dir/COMMAND.jsonl below root, in place of
// what an earlier run left there.
func Create(root, command string) (*Writer, error) {
	dir := filepath.Join(root, filepath.FromSlash(Dir))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(dir, command+".jsonl"))
	if err != nil {
		return nil, err
	}
	w := &Writer{file: file, buffer: bufio.NewWriter(file)}
	w.json = json.NewEncoder(w.buffer)
	w.json.SetEscapeHTML(false) // ">= 4" is to be read by people too
	return w, nil
}

// Path returns the name of the file.
func (w *Writer) Path() string { return w.file.Name() }

// Add writes figures. What goes wrong is reported by Close.
func (w *Writer) Add(figures ...Figure) {
	for _, f := range figures {
		if f.Missed() {
			w.missed = append(w.missed, f)
		}
		if err := w.json.Encode(f); err != nil && w.err == nil {
			w.err = err
		}
	}
}

// Missed returns the figures that are on the wrong side of their bar.
func (w *Writer) Missed() []Figure { return w.missed }

// Close completes the file and returns the first error of all that was written.
func (w *Writer) Close() error {
	for _, err := range []error{w.buffer.Flush(), w.file.Close()} {
		if err != nil && w.err == nil {
			w.err = err
		}
	}
	return w.err
}
