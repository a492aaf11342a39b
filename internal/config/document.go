package config

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"labelgate/internal/policyfile"
)

// document is a settings file taken apart, with the place of everything in it.
type document struct {
	path string
	data []byte
	root *node
}

// span is a place in the document, in bytes from its start.
type span struct{ offset, length int }

// node is a value: a scalar, a table or an array.
type node struct {
	kind    kind
	at      span // of the value; of the header for [tables]
	text    string
	number  int64
	flag    bool
	members []member // kindTable
	items   []*node  // kindArray
	headers bool     // kindArray: written as [[headers]]
}

// member is a key of a table with its value.
type member struct {
	key   string
	at    span
	value *node
}

type kind uint8

const (
	kindTable kind = iota
	kindArray
	kindText
	kindNumber
	kindFlag
	kindOther // dates, times and fractions, which no setting takes
)

func (k kind) String() string {
	return [...]string{"a table", "a list", "a string", "a whole number", "true or false", "a date, time or fraction"}[k]
}

// get returns the value of key, nil when absent.
func (n *node) get(key string) *node {
	for i := range n.members {
		if n.members[i].key == key {
			return n.members[i].value
		}
	}
	return nil
}

// child returns the table at key to which the keys that follow belong, making it
// at need; in a list of [[tables]] that is the last.
func (n *node) child(key string, at span) *node {
	next := n.get(key)
	if next == nil {
		next = &node{at: at}
		n.members = append(n.members, member{key, at, next})
	}
	if next.kind == kindArray && len(next.items) > 0 {
		next = next.items[len(next.items)-1]
	}
	return next
}

// parseDocument takes data apart. A fault of syntax ends it: what would follow
// such a fault is guesswork.
func parseDocument(path string, data []byte) (*document, policyfile.Problems) {
	d := &document{path: path, data: data, root: &node{}}
	// The library's decoder knows what the syntax tree alone does not show: keys
	// and tables defined twice, numbers out of range, invalid dates. It decodes
	// into nothing; the values below come from the tree, which has positions.
	var nothing map[string]any
	if err := toml.Unmarshal(data, &nothing); err != nil {
		return nil, policyfile.Problems{d.syntaxProblem(err)}
	}
	var p unstable.Parser
	p.Reset(data)
	current := d.root
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.KeyValue:
			d.assign(current, e)
		case unstable.Table:
			current = d.open(e)
		case unstable.ArrayTable:
			current = d.appendTable(e)
		}
	}
	if err := p.Error(); err != nil {
		return nil, policyfile.Problems{d.syntaxProblem(err)}
	}
	return d, nil
}

// open returns the table that the header e names.
func (d *document) open(e *unstable.Node) *node {
	t := d.root
	for key := e.Key(); key.Next(); {
		t = t.child(string(key.Node().Data), spanOf(key.Node().Raw))
	}
	t.at = headerSpan(e)
	return t
}

// appendTable adds the table that the [[header]] e begins.
func (d *document) appendTable(e *unstable.Node) *node {
	t := d.root
	for key := e.Key(); key.Next(); {
		name, at := string(key.Node().Data), spanOf(key.Node().Raw)
		if !key.IsLast() {
			t = t.child(name, at)
			continue
		}
		list := t.get(name)
		if list == nil {
			list = &node{kind: kindArray, at: at, headers: true}
			t.members = append(t.members, member{name, at, list})
		}
		t = &node{at: headerSpan(e)}
		list.items = append(list.items, t)
	}
	return t
}

// assign puts the key and value of e, whose key may be dotted, under t.
func (d *document) assign(t *node, e *unstable.Node) {
	for key := e.Key(); key.Next(); {
		name, at := string(key.Node().Data), spanOf(key.Node().Raw)
		if !key.IsLast() {
			t = t.child(name, at)
			continue
		}
		t.members = append(t.members, member{name, at, d.value(e.Value(), at)})
	}
}

// value converts a value of the syntax tree. Kinds of which the tree does not
// keep the place take fallback, the place of their key.
func (d *document) value(v *unstable.Node, fallback span) *node {
	n := &node{kind: kindOther, at: spanOf(v.Raw)}
	if v.Raw.Length == 0 {
		n.at = fallback
	}
	switch v.Kind {
	case unstable.String:
		n.kind, n.text = kindText, string(v.Data)
	case unstable.Bool:
		n.kind, n.flag = kindFlag, string(v.Data) == "true"
	case unstable.Integer:
		number, err := strconv.ParseInt(strings.ReplaceAll(string(v.Data), "_", ""), 0, 64)
		if err == nil {
			n.kind, n.number = kindNumber, number
		}
	case unstable.Array:
		n.kind = kindArray
		for c := v.Children(); c.Next(); {
			n.items = append(n.items, d.value(c.Node(), n.at))
		}
	case unstable.InlineTable:
		n.kind = kindTable
		for c := v.Children(); c.Next(); {
			d.assign(n, c.Node())
		}
	}
	return n
}

func spanOf(r unstable.Range) span { return span{int(r.Offset), int(r.Length)} }

func headerSpan(e *unstable.Node) span {
	var s span
	for key := e.Key(); key.Next(); {
		k := spanOf(key.Node().Raw)
		if s.length == 0 {
			s = k
		}
		s.length = k.offset + k.length - s.offset
	}
	return s
}

// syntaxProblem turns an error of the TOML library into a problem.
func (d *document) syntaxProblem(err error) policyfile.Problem {
	var decode *toml.DecodeError
	if !errors.As(err, &decode) {
		return policyfile.Problem{File: d.path, Line: 1, Column: 1, Message: err.Error(), Code: "toml"}
	}
	line, column := decode.Position()
	p := policyfile.Problem{File: d.path, Line: line, Column: column, Code: "toml"}
	p.Message = strings.TrimPrefix(decode.Error(), "toml: ")
	for lines := bytes.Split(d.data, []byte("\n")); line >= 1 && line <= len(lines); {
		p.Source = string(bytes.TrimSuffix(lines[line-1], []byte("\r")))
		break
	}
	return p
}

// position returns the line and column, both from 1 and the column in bytes, of
// a place, and the text of that line.
func (d *document) position(at span) (line, column int, source string) {
	offset := min(max(at.offset, 0), len(d.data))
	start := bytes.LastIndexByte(d.data[:offset], '\n') + 1
	rest := d.data[start:]
	if end := bytes.IndexByte(rest, '\n'); end >= 0 {
		rest = rest[:end]
	}
	return bytes.Count(d.data[:offset], []byte("\n")) + 1, offset - start + 1, string(bytes.TrimSuffix(rest, []byte("\r")))
}
