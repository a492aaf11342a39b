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

// RuleID names a rule of one Policy, its layers included.
type RuleID int32

// NoRule is the RuleID of decisions that no rule took part in.
const NoRule RuleID = -1

// Rule is one stored rule. Access is as written, without what it implies.
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

// rule is a Rule as stored: sixteen bytes.
type rule struct {
	subject, object Label
	line            uint32
	file            FileID
	access          Access
	layer           LayerID
}
