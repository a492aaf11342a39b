// The soak program shows what tests have counted as a table for people. With the
// names of commands it shows their figures, as make soak-short does; without, it
// takes those of all long forms together into one file, as make soak does.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"labelgate/test/figures"
	"labelgate/test/long"
)

func main() {
	var err error
	if len(os.Args) > 1 {
		err = short(".", os.Args[1:], os.Stdout)
	} else {
		err = run(".", os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// short prints the figures that commands left below root, and fails when one is on
// the wrong side of its bar.
func short(root string, commands []string, out io.Writer) error {
	var rows []row
	missed := 0
	for _, c := range commands {
		path := filepath.Join(root, filepath.FromSlash(figures.Dir), c+".jsonl")
		all, err := read(path)
		if err != nil {
			return err
		}
		for _, f := range all {
			rows = append(rows, newRow(f))
			if f.Missed() {
				missed++
			}
		}
	}
	show(out, rows)
	return wrong(missed)
}

func wrong(missed int) error {
	if missed > 0 {
		return fmt.Errorf("%d figures are on the wrong side of their bar", missed)
	}
	return nil
}

// run collects the figures below root that packages left under long.Prefix into
// one file, prints them, and fails when one is on the wrong side of its bar.
func run(root string, out io.Writer) error {
	parts, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(figures.Dir), long.Prefix+"*.jsonl"))
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		return errors.New("no figures; make soak runs the tests that write them")
	}
	w, err := figures.Create(root, strings.TrimSuffix(long.Prefix, "-"))
	if err != nil {
		return err
	}
	var rows []row
	for _, part := range parts {
		all, err := read(part)
		if err != nil {
			return err
		}
		w.Add(all...)
		for _, f := range all {
			rows = append(rows, newRow(f))
		}
	}
	show(out, rows)
	if err := w.Close(); err != nil {
		return err
	}
	for _, part := range parts {
		if err := os.Remove(part); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "figures: %s\n", w.Path())
	return wrong(len(w.Missed()))
}

func read(path string) (all []figures.Figure, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(data) {
		var f figures.Figure
		if err := json.Unmarshal(line, &f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, f)
	}
	return all, nil
}

// row is a figure in words.
type row struct{ id, value, unit, bar, outcome string }

func newRow(f figures.Figure) row { return row{f.ID, number(f), f.Unit, f.Bar, outcome(f)} }

// show prints rows below each other, numbers to the right.
func show(out io.Writer, rows []row) {
	var id, value, unit, bar int
	for _, r := range rows {
		id, value, unit, bar = max(id, len(r.id)), max(value, len(r.value)), max(unit, len(r.unit)), max(bar, len(r.bar))
	}
	for _, r := range rows {
		line := fmt.Sprintf("%-*s  %*s %-*s  %-*s  %s", id, r.id, value, r.value, unit, r.unit, bar, r.bar, r.outcome)
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
}

// number writes a value, whole thousands apart. A seed is copied by people as it
// is.
func number(f figures.Figure) string {
	text := strconv.FormatFloat(f.Value, 'f', -1, 64)
	if f.Unit == "seed" {
		return text
	}
	whole, fraction, _ := strings.Cut(text, ".")
	for at := len(whole) - 3; at > 0 && whole[at-1] != '-'; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
}

func outcome(f figures.Figure) string {
	switch {
	case f.Pass == nil:
		return ""
	case *f.Pass:
		return "ok"
	}
	return "MISSED"
}
