package netlabel

import (
	"fmt"
	"strings"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
)

// Mode chooses between the two columns of behaviour where Linux is unsafe at a
// perimeter.
type Mode uint8

const (
	// Strict is what a perimeter needs. It is the zero value.
	Strict Mode = iota
	// Compat is what a Linux host with Smack does.
	Compat
)

// String returns the word used in the settings.
func (m Mode) String() string {
	if m == Compat {
		return "compat"
	}
	return "strict"
}

// Mapping gives a label its level and categories on the wire, as a line of
// cipso.d does.
type Mapping struct {
	Label      string
	Level      uint8
	Categories cipso.Categories
	Origin     engine.Origin
}

// DOISpec describes a domain of interpretation to Compile.
type DOISpec struct {
	Number cipso.DOI
	Tags   []cipso.TagType // in order of preference

	// AcceptNonCanonical admits, in strict mode, zero-extended bitmaps and
	// other spellings of a label that differ from ours. They never leave again:
	// what is sent is always canonical.
	AcceptNonCanonical bool

	// Mappings that hold in this domain only; they win over Spec.Mappings.
	Mappings []Mapping
	Origin   engine.Origin
}

// Spec is everything a Snapshot is made of. Compile takes possession of its
// builders.
type Spec struct {
	Mode       Mode
	Generation uint32
	Rules      *engine.Builder
	Mappings   []Mapping
	Hosts      []hostmap.Entry
	DOIs       []DOISpec
	Zones      []ZoneSpec

	Ambient string // label of unlabeled packets from hosts without an entry; "" means "_"
	Self    string // label of the machine's own traffic; "": it takes no part
	Direct  uint8  // level of directly encoded labels, Smack's default is 250
	Mapped  uint8  // level of labels encoded by their number, Smack's default is 251
}

// Problem is something wrong with a Spec.
type Problem struct {
	Origin  engine.Origin // zero for what stands in no file
	Message string
	Hint    string // what to do about it, may be empty
}

// Problems is the error of Compile: everything wrong at once.
type Problems []Problem

// Error lists the problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, q := range p {
		lines[i] = q.Message
		if q.Origin.File != "" {
			lines[i] = fmt.Sprintf("%s: %s", q.Origin, q.Message)
		}
		if q.Hint != "" {
			lines[i] += " (" + q.Hint + ")"
		}
	}
	return strings.Join(lines, "\n")
}
