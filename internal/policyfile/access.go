package policyfile

import (
	"bytes"

	"labelgate/engine"
)

// access reads an access field. The kernel stops without a word at a letter that
// it does not know, and so does its dialect here, but not without a word.
func (f *reader) access(at field) (engine.Access, bool) {
	text := at.of(f.text)
	a, n := engine.ParseAccessBytes(text)
	switch {
	case n == len(text) && f.dialect == Libsmack && a&engine.Bringup != 0:
		f.fail(at.start+bytes.IndexAny(text, "bB")+1, "access", "leave it out; the kernel itself has it", "libsmack does not know the access b")
		return 0, false
	case n == len(text):
		return a, true
	case f.dialect == Kernel:
		f.warn(at.start+n+1, "access-ignored", "write it out", "the kernel ignores what follows %s: the access is %q", quote(string(text[:n])), a)
		return a, true
	}
	hint := "the letters are r w x a t l b, and - for none"
	switch {
	case text[n] == '#' && f.dialect == Labelgate:
		hint = "a comment behind a rule begins with a # that stands alone"
	case text[n] == '#':
		hint = "the " + f.dialect.String() + " dialect has no comments behind a rule"
	case text[n] == ',':
		hint = "access letters are written without anything between them, as in rwx"
	case text[n] == '"':
		hint = "access letters are written without quotes"
	}
	f.fail(at.start+n+1, "access", hint, "%s is not an access: it has no letter %q", quote(string(text)), text[n:n+1])
	return 0, false
}
