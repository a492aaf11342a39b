package policyfile

// field is a part of a line: text[start:end].
type field struct{ start, end int }

func (f field) of(text []byte) []byte { return text[f.start:f.end] }

// fields puts the fields of this line into into and returns how many there are;
// of more than fit it counts no further.
func (f *reader) fields(into []field) int {
	n, i := 0, 0
	for n < len(into) {
		at, ok := f.field(i)
		if !ok {
			break
		}
		into[n] = at
		n, i = n+1, at.end
	}
	return n
}

// field returns the field that begins at i or behind it, or false at the end of
// the line. Only spaces and tabs separate: other white space is more likely an
// accident than a wish. A # alone begins a comment in our own dialect.
func (f *reader) field(i int) (field, bool) {
	text := f.text
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	start := i
	for i < len(text) && text[i] != ' ' && text[i] != '\t' {
		i++
	}
	return field{start, i}, i > start && !(f.dialect == Labelgate && i == start+1 && text[start] == '#')
}

// comment reports whether the dialect passes over this line: it is empty or a
// comment. systemd has comments in some files only.
//
// A label may begin with #, so that "#x y r" is a rule to the kernel and to
// libsmack. In our own dialect a # in the first column makes a comment, and so
// does one that stands alone; a label with # can be written behind a space.
func (f *reader) comment(systemd bool) bool {
	if len(f.text) == 0 {
		return true
	}
	switch f.dialect {
	case Labelgate:
		return f.text[0] == '#'
	case Systemd:
		return systemd && (f.text[0] == '#' || f.text[0] == ';')
	}
	return false
}

// blank reports whether this line has no fields, and is to be passed over; libsmack
// does not pass over one with white space in it.
func (f *reader) blank() bool {
	if _, ok := f.field(0); ok {
		return false
	}
	if f.dialect == Libsmack && len(f.text) > 0 {
		f.fail(1, "blank-line", "make it empty", "libsmack refuses a line of white space")
	}
	return true
}
