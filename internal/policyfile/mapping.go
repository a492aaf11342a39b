package policyfile

import (
	"strconv"

	"labelgate/cipso"
)

// smackCategory is the largest category, and the largest number of them, that
// Linux and libsmack take for a label.
const smackCategory = 184

// Mapping says which level and categories stand for a label in a packet. A
// category is what it is on the wire: the bit of a tag type 1 bitmap.
type Mapping struct {
	Label      string
	Level      uint8
	Categories cipso.Categories
	File       string
	Line       int
}

// AppendText appends the mapping as a person says it: "level 4, categories 1,5".
func (m *Mapping) AppendText(b []byte) []byte {
	b = append(b, "level "...)
	b = strconv.AppendUint(b, uint64(m.Level), 10)
	if m.Categories.Empty() {
		return append(b, ", no categories"...)
	}
	return m.Categories.AppendText(append(b, ", categories "...))
}

// Mappings reads CIPSO mappings. Which of the forms that stand in files of this
// name it reads depends on the dialect:
//
//   - kernel and systemd: "LABEL" and numbers in columns of four: level, count, that
//     many categories, as for cipso2; or the same behind a label of 24 columns, as
//     for cipso
//   - libsmack: LABEL LEVEL CATEGORY..., without a count
//   - labelgate: as libsmack, or LABEL LEVEL/CATEGORIES as in "Secret 4/1,5-7", which
//     is what the kernel lists; or the kernel's columns, when the file cannot be
//     read otherwise. A file that can be read in two ways is an error until it
//     names its dialect.
func Mappings(file string, data []byte, d Dialect) ([]Mapping, Problems) {
	r := newReporter()
	m := mapped{reporter: r}
	m.read(file, data, d)
	return m.list, r.sorted()
}

// mapped is the mappings of a set.
type mapped struct {
	*reporter
	list    []Mapping
	byLabel map[string]int
	byValue map[string]int
}

func (m *mapped) read(file string, data []byte, d Dialect) {
	f := m.open(file, data, d)
	if f == nil {
		return
	}
	form := f.form()
	if form == ambiguous {
		return
	}
	var got Mapping
	for f.scan() {
		if f.comment(true) || f.blank() {
			continue
		}
		label, fault := f.mapping(form, &got)
		if fault != nil {
			if f.text[0] == '#' && f.dialect != Labelgate {
				f.noComments(0)
			} else if fault.code != "bad-label" || f.first(string(label.of(f.text))) {
				f.report(fault)
			}
			continue
		}
		if f.usual(label) {
			got.File, got.Line = f.name, f.line
			m.add(f, label, &got)
		}
	}
}

// add takes a mapping, unless its label or what it is mapped to has one already.
func (m *mapped) add(f *reader, at field, got *Mapping) {
	if m.byLabel == nil {
		m.byLabel, m.byValue = make(map[string]int), make(map[string]int)
	}
	value := string(got.AppendText(nil))
	if i, ok := m.byLabel[got.Label]; ok {
		place := Problem{File: m.list[i].File, Line: m.list[i].Line}.Place()
		if was := &m.list[i]; was.Level == got.Level && was.Categories.Equal(&got.Categories) {
			f.warn(at.start+1, "duplicate-mapping", "leave it out", "label %s is mapped to the same at %s", quote(got.Label), place)
		} else {
			f.fail(at.start+1, "duplicate-mapping", "leave one of them out; Linux would take the last", "label %s is mapped already, at %s, to %s", quote(got.Label), place, was.AppendText(nil))
		}
		return
	}
	if i, ok := m.byValue[value]; ok {
		place := Problem{File: m.list[i].File, Line: m.list[i].Line}.Place()
		f.fail(at.start+1, "shared-mapping", "no packet could tell the two labels apart; Linux would take the newest", "%s stands for label %s already, at %s", value, quote(m.list[i].Label), place)
		return
	}
	m.byLabel[got.Label], m.byValue[value] = len(m.list), len(m.list)
	m.list = append(m.list, *got)
}
