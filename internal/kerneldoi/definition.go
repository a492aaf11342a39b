package kerneldoi

import (
	"fmt"
	"slices"
	"strings"

	"labelgate/cipso"
)

// Type says how the kernel turns levels and categories on the wire into its own.
// The values are those of the netlink attribute.
type Type uint32

// The types that Linux has.
const (
	Trans Type = 1 // by a table
	Pass  Type = 2 // they are the same
	Local Type = 3 // there are none: the option holds a number of this machine
)

// String returns the word that netlabelctl uses.
func (t Type) String() string {
	switch t {
	case Trans:
		return "trans"
	case Pass:
		return "pass"
	case Local:
		return "local"
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// Definition is a domain of interpretation as the kernel knows it.
type Definition struct {
	Number cipso.DOI
	Type   Type
	Tags   []cipso.TagType // what it admits; the first that fits is what it sends
}

// own is the definition that this package adds: everything that labelgate reads.
func own(number cipso.DOI) Definition {
	return Definition{number, Pass, []cipso.TagType{cipso.TagRestricted, cipso.TagEnumerated, cipso.TagRanges}}
}

// Admits reports whether the kernel lets options of each of these tags pass, with
// every level and category.
func (d Definition) Admits(tags ...cipso.TagType) bool {
	for _, t := range tags {
		if !slices.Contains(d.Tags, t) {
			return false
		}
	}
	return d.Type == Pass
}

// String returns a definition for people: DOI 3 (pass, tags 1,2,5).
func (d Definition) String() string {
	tags := make([]string, len(d.Tags))
	for i, t := range d.Tags {
		tags[i] = fmt.Sprint(uint8(t))
	}
	return fmt.Sprintf("DOI %d (%s, tags %s)", d.Number, d.Type, strings.Join(tags, ","))
}

func (d Definition) equal(e Definition) bool {
	return d.Number == e.Number && d.Type == e.Type && slices.Equal(d.Tags, e.Tags)
}
