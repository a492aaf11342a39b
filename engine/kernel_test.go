package engine

import (
	"fmt"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// kernel feeds a Builder as a kernel's smackfs feeds its rule list, with all its
// leniency. It is here to replay what was written to one; policies are read
// elsewhere, and strictly.
type kernel struct{ *Builder }

// write does what a write to a file of smackfs does, and returns its result.
func (k kernel) write(t *testing.T, file, text string) string {
	t.Helper()
	switch file {
	case "load2":
		return k.stream(text, 3)
	case "change-rule":
		return k.stream(text, 4)
	case "load":
		return k.columns(text)
	case "revoke-subject":
		return k.revoke(text)
	}
	t.Fatalf("a write to %s", file)
	return ""
}

const invalid = "EINVAL"

// stream reads words: lines mean nothing, and what comes before a mistake stays.
func (k kernel) stream(text string, words int) string {
	if len(text) > 4095 {
		text = text[:strings.LastIndexByte(text[:4095], '\n')+1]
	}
	fields := strings.FieldsFunc(text, kernelSpace)
	if len(fields) == 0 {
		return invalid
	}
	for rule := range slices.Chunk(fields, words) {
		if len(rule) < words || !k.rule(rule) {
			return invalid
		}
	}
	return fmt.Sprintf("OK:%d", len(text))
}

// columns reads one rule of 24, 24 and at most six columns.
func (k kernel) columns(text string) string {
	if len(text) < 52 || len(text) > 54 || !k.rule([]string{text[:24], text[24:48], strings.TrimRight(text[48:], " \n")}) {
		return invalid
	}
	return fmt.Sprintf("OK:%d", len(text))
}

func (k kernel) revoke(text string) string {
	name, ok := kernelLabel(text)
	if !ok {
		return invalid
	}
	if l, known := k.index[name]; known {
		k.RevokeSubject(l, k.File("revoke-subject"), 1)
	}
	return fmt.Sprintf("OK:%d", len(text))
}

func (k kernel) rule(f []string) bool {
	subject, ok := kernelLabel(f[0])
	if !ok {
		return false
	}
	s, err := k.Intern(subject)
	if err != nil {
		return false
	}
	object, ok := kernelLabel(f[1])
	if !ok {
		return false
	}
	o, err := k.Intern(object)
	if err != nil {
		return false
	}
	if len(f) == 4 {
		k.Change(s, o, ParseAccessKernel(f[2]), ParseAccessKernel(f[3]), k.File("change-rule"), 1)
	} else {
		k.Set(s, o, ParseAccessKernel(f[2]), k.File("load2"), 1)
	}
	return true
}

// kernelLabel returns the legal beginning of a string.
func kernelLabel(s string) (string, bool) {
	n := 0
	for n < len(s) && legal(s[n]) {
		n++
	}
	return s[:n], n > 0 && n <= MaxLabelLen && s[0] != '-'
}

func kernelSpace(r rune) bool {
	return r >= '\t' && r <= '\r' || r == ' ' || r == 0xa0
}

// rows yields the fields of each line of a table after the first, by its number.
func rows(t *testing.T, file string, columns int) iter.Seq2[int, []string] {
	t.Helper()
	return func(yield func(int, []string) bool) {
		for i, line := range lines(t, file) {
			f := strings.Split(line, "\t")
			if len(f) != columns {
				t.Fatalf("%s:%d: %d columns, want %d", file, i+1, len(f), columns)
			}
			if i > 0 && !yield(i+1, f) {
				return
			}
		}
	}
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSuffix(string(data), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// unescape undoes the escaping of the recorded tables: \n \t \\ \xNN.
func unescape(t *testing.T, s string) string {
	t.Helper()
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
