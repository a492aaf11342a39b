package policyfile

import (
	"errors"
	"strconv"

	"labelgate/engine"
)

// label checks a field that must be a label. Labels are named over and over, so a
// good one is remembered.
func (f *reader) label(at field) (string, bool) {
	if text, ok := f.good[string(at.of(f.text))]; ok {
		return text, true
	}
	text := string(at.of(f.text))
	if err := engine.CheckLabel(text); err != nil {
		f.badLabel(at, err)
		return "", false
	}
	if !f.usual(at) {
		return "", false
	}
	if len(f.good) < maxRemembered {
		f.good[text] = text
	}
	return text, true
}

// usual looks at the first character of a good label. A label # alone is refused,
// although the kernel has it: where it stands somebody wanted a comment. It warns of
// the others that another dialect takes for a comment.
func (f *reader) usual(at field) bool {
	c := f.text[at.start]
	switch {
	case c != '#' && c != ';':
	case c == '#' && at.end-at.start == 1:
		if f.dialect == Labelgate {
			f.fail(at.start+1, "bad-label", "", "# alone begins a comment and cannot be a label")
		} else {
			f.noComments(at.start)
		}
		return false
	default:
		if f.first(string(at.of(f.text))) {
			f.warn(at.start+1, "comment-label", "choose another label", "other readers of this file take a line that begins with %q for a comment", at.of(f.text))
		}
	}
	return true
}

// noComments says, once for each file, that its dialect has no comments.
func (f *reader) noComments(start int) {
	if f.first("#\x00" + f.name) {
		f.fail(start+1, "comment", `take it out, or put "# dialect: labelgate" on the first line`, "the %s dialect has no comments here: this would be read as a label", f.dialect)
	}
}

// badLabel notes why a field is not a label, unless the same text was reported
// before: one mistake in a name is one problem, however often the name is used.
func (f *reader) badLabel(at field, err error) {
	text := string(at.of(f.text))
	if !f.first(text) {
		return
	}
	offset, why, hint := 0, err.Error(), ""
	var bad *engine.LabelError
	if errors.As(err, &bad) {
		offset, why = bad.Offset, bad.Why
	}
	switch {
	case len(text) > engine.MaxLabelLen:
		offset = min(offset, engine.MaxLabelLen)
	case text[0] == '-':
		hint = "what begins with - is an option, and there are none here"
	case text[0] == '"' || text[0] == '\'':
		hint = "labels are written without quotes"
	case offset > 0 && offset < len(text):
		hint = "Linux would cut it to " + strconv.Quote(text[:offset]) + " without a word"
	}
	f.fail(at.start+offset+1, "bad-label", hint, "%s is not a label: %s", quote(text), why)
}

// quote is a field as it is shown in a message.
func quote(text string) string {
	if len(text) > 40 {
		return strconv.Quote(text[:40]) + "..."
	}
	return strconv.Quote(text)
}
