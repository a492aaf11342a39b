package engine

import "strconv"

// Origin is where a rule was written.
type Origin struct {
	File string
	Line int // counted from 1
}

// String returns "file:line".
func (o Origin) String() string {
	return o.File + ":" + strconv.Itoa(o.Line)
}

// RuleID names a rule of one Policy, its layers included. Rules are numbered in
// the order in which their pairs were first named.
type RuleID int32

// NoRule is the RuleID of decisions that no rule took part in.
const NoRule RuleID = -1

// Rule is one stored rule. Access is as written, without what it implies; its
// origin is the line that last changed it.
type Rule struct {
	Subject, Object Label
	Access          Access
	Origin          Origin
}

// FileID stands for the name of a file in a Builder, so that a rule's origin
// costs few bytes.
type FileID uint16

// LayerID names a restrict-only layer of one Policy; 0 is none.
type LayerID uint8

// global is the list of the rules that belong to no layer.
const global LayerID = 0

// rule is a Rule as stored: sixteen bytes.
type rule struct {
	subject, object Label
	line            uint32
	file            FileID
	access          Access
	list            LayerID
}

// export turns a stored rule into what callers see. A FileID that no File call
// gave out names no file.
func (r *rule) export(files []string) Rule {
	at := Origin{Line: int(r.line)}
	if int(r.file) < len(files) {
		at.File = files[r.file]
	}
	return Rule{Subject: r.subject, Object: r.object, Access: r.access, Origin: at}
}
