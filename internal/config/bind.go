package config

import (
	"fmt"
	"slices"

	"labelgate/internal/policyfile"
)

// binder carries the values of a document over into the raw structs, and
// collects what is wrong on the way.
type binder struct {
	doc      *document
	problems policyfile.Problems
}

// maxProblems bounds what is reported of a file that is something else entirely.
const maxProblems = 100

// problem notes something wrong at a place.
func (b *binder) problem(at span, code, hint, format string, args ...any) {
	if len(b.problems) >= maxProblems {
		return
	}
	line, column, source := b.doc.position(at)
	b.problems = append(b.problems, policyfile.Problem{
		File: b.doc.path, Line: line, Column: column, Source: source,
		Message: fmt.Sprintf(format, args...), Hint: hint, Code: code,
	})
}

// sort brings the problems into the order of the file.
func (b *binder) sort() {
	slices.SortStableFunc(b.problems, func(x, y policyfile.Problem) int {
		if x.Line != y.Line {
			return x.Line - y.Line
		}
		return x.Column - y.Column
	})
}

// table carries over one table, named where in messages.
func (b *binder) table(n *node, keys []key, where string) {
	for _, m := range n.members {
		i := slices.IndexFunc(keys, func(k key) bool { return k.name == m.key })
		if i < 0 {
			b.problem(m.at, "unknown-key", unknownKeyHint(m.key, keys, where), "unknown key %q%s", m.key, in(where))
			continue
		}
		b.member(m, keys[i].into)
	}
}

func in(where string) string {
	if where == "" {
		return ""
	}
	return " in " + where
}

func (b *binder) member(m member, into any) {
	n := m.value
	switch into := into.(type) {
	case *text:
		take(into, n, b.is(n, kindText, m), n.text)
	case *number:
		take(into, n, b.is(n, kindNumber, m), n.number)
	case *flag:
		take(into, n, b.is(n, kindFlag, m), n.flag)
	case *texts:
		takeList(b, into, m, kindText, func(n *node) string { return n.text })
	case *counts:
		takeList(b, into, m, kindNumber, func(n *node) int64 { return n.number })
	case tableKey:
		switch {
		case n.kind == kindTable:
			b.table(n, into.open(n.at), "["+m.key+"]")
		case n.kind == kindArray && n.headers:
			b.problem(n.items[0].at, "type", fmt.Sprintf("write [%s]", m.key), "%s is one table, not a list of them", m.key)
		default:
			b.is(n, kindTable, m)
		}
	case listKey:
		b.list(m, into)
	}
}

// take fills an entry, or marks it faulty when its type was wrong.
func take[T any](into *entry[T], n *node, ok bool, value T) {
	into.at, into.set, into.faulty = n.at, ok, !ok
	if ok {
		into.value = value
	}
}

// takeList fills a list of entries; one item of a wrong type makes it faulty.
func takeList[T any](b *binder, into *entry[[]entry[T]], m member, want kind, value func(*node) T) {
	ok := b.is(m.value, kindArray, m)
	var list []entry[T]
	for _, item := range m.value.items {
		if !b.is(item, want, m) {
			ok = false
			continue
		}
		list = append(list, entry[T]{value: value(item), at: item.at, set: true})
	}
	take(into, m.value, ok, list)
	into.value = list // what is good of a faulty list is still looked at
}

func (b *binder) list(m member, into listKey) {
	n := m.value
	where := "[[" + m.key + "]]"
	if n.kind == kindTable {
		b.problem(n.at, "type", "write "+where, "%s may stand more than once and needs double brackets", m.key)
		return
	}
	if !b.is(n, kindArray, m) {
		return
	}
	for _, item := range n.items {
		if b.is(item, kindTable, m) {
			b.table(item, into.open(item.at), where)
		}
	}
}

// is reports whether n is of the kind that the key of m wants, and notes a
// problem when it is not.
func (b *binder) is(n *node, want kind, m member) bool {
	if n.kind == want {
		return true
	}
	hint := ""
	switch {
	case want == kindText && n.kind != kindTable && n.kind != kindArray:
		hint = "put it between double quotes"
	case want == kindArray && n.kind != kindTable:
		hint = "put it between square brackets"
	case (want == kindNumber || want == kindFlag) && n.kind == kindText:
		hint = "leave out the quotes"
	}
	b.problem(n.at, "type", hint, "%s wants %s, this is %s", m.key, want, n.kind)
	return false
}
