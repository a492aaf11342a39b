package policyfile

import (
	"strconv"
	"strings"
)

// Problem is one thing wrong with a file. One bad line is one problem.
type Problem struct {
	File         string
	Line, Column int    // from 1, the column in bytes; Line 0: the file as a whole
	Source       string // the line, as it is in the file
	Message      string // what is wrong
	Hint         string // what to do about it, or ""
	Warning      bool   // it means something, but hardly what was wanted
	Code         string // which kind of problem, for programs: "bad-label", "duplicate-host"
}

// Place is "file:line:column", without what is unknown.
func (p Problem) Place() string {
	s := p.File
	if p.Line > 0 {
		s += ":" + strconv.Itoa(p.Line)
		if p.Column > 0 {
			s += ":" + strconv.Itoa(p.Column)
		}
	}
	return s
}

// Error is the problem on one line: place, message and hint.
func (p Problem) Error() string {
	s := clean(p.Place()) + ": "
	if p.Warning {
		s += "warning: "
	}
	s += clean(p.Message)
	if p.Hint != "" {
		s += " (" + clean(p.Hint) + ")"
	}
	return s
}

// String is the problem as a person wants to see it: the line below the message,
// a caret below the place. What a terminal could take for a command is shown as
// \xNN, for files may come from somewhere else.
func (p Problem) String() string {
	s := clean(p.Place()) + ": "
	if p.Warning {
		s += "warning: "
	}
	s += clean(p.Message) + "\n"
	if p.Line > 0 && p.Source != "" {
		s += picture(p.Source, p.Column)
	}
	if p.Hint != "" {
		s += "  hint: " + clean(p.Hint) + "\n"
	}
	return s
}

// Problems is everything that is wrong, in the order of the files and lines. It
// is an error when it holds anything that is not a warning.
type Problems []Problem

// Error shows all of them, each with its source line and a caret.
func (p Problems) Error() string {
	var b strings.Builder
	for i := range p {
		b.WriteString(p[i].String())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Failed reports whether any is more than a warning.
func (p Problems) Failed() bool {
	for i := range p {
		if !p[i].Warning {
			return true
		}
	}
	return false
}

// Split separates errors from warnings, each in their order.
func (p Problems) Split() (errors, warnings Problems) {
	for i := range p {
		if p[i].Warning {
			warnings = append(warnings, p[i])
		} else {
			errors = append(errors, p[i])
		}
	}
	return errors, warnings
}
