package policyfile

import (
	"bytes"
	"errors"

	"labelgate/cipso"
	"labelgate/engine"
)

// start reads the label and the field behind it, which the forms without columns
// have in common.
func (f *reader) start(m *Mapping) (label, level field, x *fault) {
	label, _ = f.field(0)
	if x = f.mappedLabel(label, m); x != nil {
		return label, level, x
	}
	level, ok := f.field(label.end)
	if !ok {
		return label, level, faulty(len(f.text), "fields", "write LABEL LEVEL CATEGORY...", "the level is missing")
	}
	return label, level, nil
}

func (f *reader) mappedLabel(at field, m *Mapping) *fault {
	m.Label = string(at.of(f.text))
	m.Categories.Reset()
	err := engine.CheckLabel(m.Label)
	if err == nil {
		return nil
	}
	why, offset, hint := err.Error(), 0, ""
	var bad *engine.LabelError
	if errors.As(err, &bad) {
		why, offset = bad.Why, min(bad.Offset, engine.MaxLabelLen)
	}
	if offset > 0 && len(m.Label) <= engine.MaxLabelLen {
		hint = "Linux would cut it to " + quote(m.Label[:offset]) + " without a word"
	}
	return faulty(at.start+offset, "bad-label", hint, "%s is not a label: %s", quote(m.Label), why)
}

func (m *Mapping) level(text []byte, offset int) *fault {
	n, ok := digits(text, 255)
	if !ok {
		return faulty(offset, "level", "", "%s is not a level: it is a number of 0 to 255", quote(string(text)))
	}
	m.Level = uint8(n)
	return nil
}

// free reads LABEL LEVEL [CATEGORY]..., where categories count from 1, as in
// Smack.
func (f *reader) free(m *Mapping) (field, *fault) {
	label, level, x := f.start(m)
	if x != nil {
		return label, x
	}
	if i := bytes.IndexByte(level.of(f.text), '/'); i >= 0 {
		return label, f.listed(level, i, m)
	}
	if x := m.level(level.of(f.text), level.start); x != nil {
		return label, x
	}
	limit := cipso.MaxCategory
	if f.dialect == Libsmack {
		limit = smackCategory
	}
	count := 0
	for at, ok := f.field(level.end); ok; at, ok = f.field(at.end) {
		n, good := digits(at.of(f.text), limit)
		switch count++; {
		case good && n == 0:
			return label, faulty(at.start, "category", `for category 0 of another system write it as in "Label 4/0"; a count is written in the kernel's columns`, "Smack's categories begin with 1")
		case !good:
			return label, f.badCategory(at, limit)
		case count > smackCategory && f.dialect == Libsmack:
			return label, faulty(at.start, "category", "", "libsmack ignores what follows %d categories", smackCategory)
		case !m.Categories.Add(uint16(n), uint16(n)):
			return label, faulty(at.start, "category", "", "no option can carry so many separate categories")
		}
	}
	return label, nil
}

func (f *reader) badCategory(at field, limit int) *fault {
	hint := ""
	switch text := at.of(f.text); {
	case bytes.ContainsAny(text, ",-"):
		hint = `lists and ranges stand behind a slash, as in "Label 4/1,5-7"`
		if f.dialect != Labelgate {
			hint = "write each category with a space before it"
		}
	case text[0] == '#':
		hint = "a comment behind a mapping begins with a # that stands alone"
		if f.dialect != Labelgate {
			hint = "the " + f.dialect.String() + " dialect has no comments behind a mapping"
		}
	}
	return faulty(at.start, "category", hint, "%s is not a category: it is a number of 1 to %d", quote(string(at.of(f.text))), limit)
}

// listed reads LABEL LEVEL/CATEGORIES, which is how the kernel lists its
// mappings. Nobody but us can read that: libsmack takes the level and loses the
// categories.
func (f *reader) listed(at field, slash int, m *Mapping) *fault {
	if f.dialect != Labelgate {
		return f.notListed(at)
	}
	text := at.of(f.text)
	if x := m.level(text[:slash], at.start); x != nil {
		return x
	}
	if slash+1 == len(text) {
		return faulty(at.end, "category", "without categories, leave out the slash", "no category follows the slash")
	}
	c, err := cipso.ParseCategories(string(text[slash+1:]))
	if err != nil {
		column := 1
		var bad *cipso.CategoriesError
		why := err.Error()
		if errors.As(err, &bad) {
			column, why = bad.Column, bad.Why
		}
		return faulty(at.start+slash+column, "category", `write it as in "Label 4/1,5-7"`, "these are not categories: %s", why)
	}
	if more, ok := f.field(at.end); ok {
		return faulty(more.start, "fields", "", "nothing may follow the categories")
	}
	m.Categories = c
	return nil
}

func (f *reader) notListed(at field) *fault {
	slash := bytes.IndexByte(at.of(f.text), '/')
	return faulty(at.start+slash, "listing", `put "# dialect: labelgate" on the first line`, "the %s dialect cannot read what the kernel lists", f.dialect)
}
