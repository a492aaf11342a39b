package policyfile

import "bytes"

const (
	columnWidth  = 4  // of a number
	fixedLabel   = 24 // of the label, in the older of the two forms
	countMissing = "the kernel wants level, count and categories in columns of four behind the label"
)

// columns reads what is written to cipso2: the label, one separating byte, and
// numbers in columns of four. The kernel skips white space and then moves on by
// four, wherever the number was; what does not stand in its column is misread.
func (f *reader) columns(m *Mapping) (field, *fault) {
	label, _ := f.field(0)
	if label.start > 0 {
		return label, faulty(0, "bad-label", "", "the label must begin in the first column")
	}
	if x := f.mappedLabel(label, m); x != nil {
		return label, x
	}
	_, x := f.numbers(label.end+1, m)
	return label, x
}

// fixed reads what is written to cipso: the same behind a label that is padded to
// 24 columns, of exactly the length that the count asks for.
func (f *reader) fixed(m *Mapping) (field, *fault) {
	if len(f.text) < fixedLabel {
		return field{}, faulty(len(f.text), "columns", "", countMissing)
	}
	if f.text[fixedLabel-1] != ' ' { // the kernel takes the level for a part of the label
		return field{}, faulty(fixedLabel-1, "columns", "", "no space follows the label in its 24 columns")
	}
	label := field{0, len(bytes.TrimRight(f.text[:fixedLabel], " "))}
	if x := f.mappedLabel(label, m); x != nil {
		return label, x
	}
	end, x := f.numbers(fixedLabel, m)
	if x != nil {
		return label, x
	}
	if end != len(f.text) {
		return label, faulty(len(f.text), "columns", "pad the last number with spaces", "the line is not of the length that its count asks for")
	}
	return label, nil
}

// numbers reads level, count and categories in columns from offset i, and returns
// where the last column ends.
func (f *reader) numbers(i int, m *Mapping) (int, *fault) {
	level, x := f.column(i, 255, "level")
	if x != nil {
		return 0, x
	}
	count, x := f.column(i+columnWidth, smackCategory, "count")
	if x != nil {
		return 0, x
	}
	m.Level = uint8(level)
	i += 2 * columnWidth
	for range count {
		n, x := f.column(i, smackCategory, "category")
		if x != nil {
			return 0, x
		}
		if n > 0 { // the kernel passes over a category 0
			m.Categories.Add(uint16(n), uint16(n))
		}
		i += columnWidth
	}
	if i < len(f.text) {
		if more := bytes.TrimLeft(f.text[i:], " \t"); len(more) > 0 {
			return 0, faulty(len(f.text)-len(more), "columns", "the kernel would ignore it", "text follows the %d categories that the count announces", count)
		}
	}
	return i, nil
}

// column reads the number in the four columns at i.
func (f *reader) column(i, limit int, what string) (int, *fault) {
	if i >= len(f.text) {
		return 0, faulty(len(f.text), "columns", countMissing, "the %s is missing", what)
	}
	end := min(i+columnWidth, len(f.text))
	text := bytes.TrimLeft(f.text[i:end], " ")
	start := end - len(text)
	text = bytes.TrimRight(text, " ")
	n, ok := digits(text, limit)
	switch {
	case len(text) == 0:
		return 0, faulty(i, "columns", countMissing, "the %s is missing from its four columns", what)
	case !ok:
		return 0, faulty(start, what, "", "%s is not a %s: it is a number of 0 to %d", quote(string(text)), what, limit)
	case end < len(f.text) && digit(f.text[end-1]) && digit(f.text[end]):
		return 0, faulty(start, "columns", countMissing, "the %s runs on into the next number", what)
	}
	return n, nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
