package engine

import (
	"fmt"
	"strconv"
)

// Label is the index of a label inside one Policy or Builder. It means nothing
// outside of it: two policies number the same name differently.
type Label uint32

// The labels that every policy knows, under the same numbers. Unknown is none:
// it stands for whatever was named nowhere and is denied in both roles. (Smack
// documentation, "Labels", for the names, "Access Rules" and "Smack Netlabel
// Exceptions" for what they do.)
const (
	Unknown    Label = iota
	Huh              // ? the label of what nobody could name; no privilege
	Hat              // ^ as subject may read and execute anything
	Star             // * as object grants everything, as subject is denied everything
	Floor            // _ as object may be read and executed by anyone
	Web              // @ as subject or object grants everything
	FirstLabel       // the first of those that a policy names itself
)

// reserved are the names of the labels before FirstLabel.
var reserved = [FirstLabel]string{Huh: "?", Hat: "^", Star: "*", Floor: "_", Web: "@"}

// MaxLabelLen is the longest label in bytes.
const MaxLabelLen = 255

// LabelError says why a name cannot be a label.
type LabelError struct {
	Label  string
	Offset int    // of the offending byte, 0 when the whole is at fault
	Why    string // what is wrong
}

// shown is how much of a long name a message repeats.
const shown = 64

// Error names the label and what is wrong with it.
func (e *LabelError) Error() string {
	if len(e.Label) > shown {
		return fmt.Sprintf("%q... cannot be a label: %s", e.Label[:shown], e.Why)
	}
	return fmt.Sprintf("%q cannot be a label: %s", e.Label, e.Why)
}

// CheckLabel reports, as a *LabelError, why name cannot be a label: it is empty
// or longer than 255 bytes, begins with the dash that marks options, or holds a
// byte outside of printable ASCII or one of / " \ '. Linux cuts a name short at
// such a byte and takes the rest for nothing; here the whole is refused, since a
// rule about another label than the one that was written is worse than none.
// (Smack documentation, "Labels".)
func CheckLabel(name string) error {
	switch {
	case name == "":
		return &LabelError{Label: name, Why: "it is empty"}
	case len(name) > MaxLabelLen:
		return &LabelError{Label: name, Offset: MaxLabelLen, Why: fmt.Sprintf("it has %d bytes, the longest label has %d", len(name), MaxLabelLen)}
	case name[0] == '-':
		return &LabelError{Label: name, Why: "a leading dash marks an option such as -CIPSO"}
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; !legal(c) {
			return &LabelError{Label: name, Offset: i, Why: fmt.Sprintf("byte %d is %s", i+1, quoteByte(c))}
		}
	}
	return nil
}

func legal(c byte) bool {
	return c > 0x20 && c < 0x7f && c != '/' && c != '"' && c != '\\' && c != '\''
}

// quoteByte shows one byte of a name; a byte outside of ASCII as its number, for
// it may be a part of a character.
func quoteByte(c byte) string {
	if c < 0x80 {
		return strconv.QuoteRune(rune(c))
	}
	return fmt.Sprintf("0x%02x", c)
}
