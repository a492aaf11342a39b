package policyfile

import (
	"bytes"
	"fmt"
	"strconv"
)

// form is one of the ways to write a mapping.
type form uint8

const (
	freeForm    form = iota // without a count
	columnsForm             // with one, in the kernel's columns
	ambiguous
)

// mapping reads this line in a form, and returns where its label stands.
func (f *reader) mapping(form form, m *Mapping) (field, *fault) {
	if form == freeForm {
		return f.free(m)
	}
	var other Mapping
	label, x := f.columns(m)
	label24, x24 := f.fixed(&other)
	switch {
	case x != nil && x24 == nil:
		*m = other
		return label24, nil
	case x == nil:
		return label, nil
	case label.end+columnWidth < fixedLabel && len(bytes.TrimSpace(f.text[label.end:min(fixedLabel, len(f.text))])) == 0:
		return label24, x24 // padded, so that is what was meant
	}
	f.adviseColumns(label, x)
	return label, x
}

// adviseColumns says what a line that is not in columns may be instead.
func (f *reader) adviseColumns(label field, x *fault) {
	var m Mapping
	if x.code == "bad-label" {
		return
	}
	if level, _ := f.field(label.end); bytes.IndexByte(level.of(f.text), '/') >= 0 {
		*x = *f.notListed(level)
	} else if !f.counted(&m) {
		x.hint = "each number has four columns: write " + strconv.Quote(m.columns())
	} else if _, no := f.free(&m); no == nil && x.code == "columns" && x.offset == len(f.text) {
		x.hint = `libsmack's form has no count: if this is it, put "# dialect: libsmack" on the first line`
	}
}

// columns is the mapping as the kernel reads it.
func (m *Mapping) columns() string {
	b := fmt.Appendf(nil, "%s %-4d%-4d", m.Label, m.Level, m.Categories.Count())
	for _, r := range m.Categories.Ranges() {
		for c := int(r.Low); c <= int(r.High); c++ {
			b = fmt.Appendf(b, "%-4d", c)
		}
	}
	return string(bytes.TrimRight(b, " "))
}

func same(a, b *Mapping) bool {
	return a.Label == b.Label && a.Level == b.Level && a.Categories.Equal(&b.Categories)
}

// form settles in which form a file is. In our own dialect, unless the file names
// it, that takes a look at all of its lines: "Secret 4 2 1 5" is categories 1, 2
// and 5 to libsmack but 2 categories, 1 and 5, to whom systemd's files are meant
// for. A form that all lines allow is taken if no other is possible. Two forms of
// one meaning are one.
func (f *reader) form() form {
	switch {
	case f.dialect.columns():
		return columnsForm
	case f.dialect == Libsmack || f.named:
		return freeForm
	}
	look := *f
	look.reporter = newReporter() // what is wrong is said later, once
	var onlyFree, onlyColumns, differ reader
	exact := false // in the kernel's columns to the letter, not only with a count
	for look.scan() {
		if look.comment(true) {
			continue
		}
		var free, strict, loose Mapping
		_, noFree := look.free(&free)
		_, noStrict := look.mapping(columnsForm, &strict)
		noLoose := look.counted(&loose)
		switch {
		case noFree == nil && noStrict != nil && noLoose:
			onlyFree.keep(&look)
		case noFree != nil && noStrict == nil:
			onlyColumns.keep(&look)
		case noFree == nil && noStrict == nil && !same(&free, &strict):
			if !exact {
				differ, exact = look, true
			}
		case noFree == nil && !noLoose && !same(&free, &loose):
			differ.keep(&look)
		}
	}
	switch {
	case onlyColumns.line > 0 && onlyFree.line > 0:
		f.twoForms(&onlyColumns, onlyFree.line)
		return ambiguous
	case onlyColumns.line > 0:
		return columnsForm
	case differ.line > 0 && (exact || onlyFree.line == 0):
		f.twoReadings(&differ)
		return ambiguous
	}
	return freeForm
}

// keep remembers the first line of a kind.
func (f *reader) keep(line *reader) {
	if f.line == 0 {
		*f = *line
	}
}

// counted reads LABEL LEVEL COUNT CATEGORY... without columns. No program takes
// that, but it is what people write who know the kernel's form from a description.
func (f *reader) counted(m *Mapping) (no bool) {
	_, level, x := f.start(m)
	if x != nil || m.level(level.of(f.text), level.start) != nil {
		return true
	}
	at, ok := f.field(level.end)
	count, good := digits(at.of(f.text), smackCategory)
	if !ok || !good {
		return true
	}
	for at, ok = f.field(at.end); ok; at, ok = f.field(at.end) {
		n, good := digits(at.of(f.text), smackCategory)
		if count--; !good || count < 0 || n > 0 && !m.Categories.Add(uint16(n), uint16(n)) {
			return true
		}
	}
	return count != 0
}

const nameDialect = `put "# dialect: libsmack" (no count) or "# dialect: systemd" (with one) on the first line`

func (f *reader) twoForms(at *reader, other int) {
	at.reporter = f.reporter
	at.fail(1, "ambiguous", nameDialect, "this line can be read only with a count of categories, line %d only without", other)
}

func (f *reader) twoReadings(at *reader) {
	at.reporter = f.reporter
	var free, counted Mapping
	at.free(&free)
	if _, x := at.mapping(columnsForm, &counted); x != nil {
		at.counted(&counted)
	}
	_, level, _ := at.start(&Mapping{})
	count, _ := at.field(level.end)
	plain := strconv.Itoa(int(counted.Level))
	if !counted.Categories.Empty() {
		plain += "/" + counted.Categories.String()
	}
	at.fail(count.start+1, "ambiguous", nameDialect+`, or write the categories as in "`+counted.Label+" "+plain+`"`,
		"this file can be read in two ways: here %s without a count (libsmack), or %s with one (kernel, systemd)", free.AppendText(nil), counted.AppendText(nil))
}
