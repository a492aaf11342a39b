package control

import (
	"errors"

	"labelgate/internal/policyfile"
)

// Problem is a policyfile.Problem as JSON.
type Problem struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Severity string `json:"severity"` // "error" or "warning"
	Code     string `json:"code,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Source   string `json:"source,omitempty"`
}

// Problems returns problems as JSON, never nil.
func Problems(problems policyfile.Problems) []Problem {
	all := make([]Problem, 0, len(problems))
	for _, p := range problems {
		q := Problem{File: p.File, Line: p.Line, Column: p.Column, Severity: "error", Code: p.Code, Message: p.Message, Hint: p.Hint, Source: p.Source}
		if p.Warning {
			q.Severity = "warning"
		}
		all = append(all, q)
	}
	return all
}

// PolicyProblems is the way back.
func PolicyProblems(problems []Problem) policyfile.Problems {
	var all policyfile.Problems
	for _, p := range problems {
		all = append(all, policyfile.Problem{
			File: p.File, Line: p.Line, Column: p.Column, Source: p.Source,
			Message: p.Message, Hint: p.Hint, Code: p.Code, Warning: p.Severity == "warning",
		})
	}
	return all
}

// maxProblems bounds what of a refusal crosses the socket; the log has all.
const (
	maxProblems = 200
	maxSource   = 512 // bytes of a line; longer ones stay where they are
)

// Refused returns err as an Error of CodeRefused, with its problems where err
// holds any.
func Refused(err error) *Error {
	e := &Error{Code: CodeRefused, Message: err.Error()}
	var problems policyfile.Problems
	if errors.As(err, &problems) && len(problems) > 0 {
		e.Problems = Problems(problems[:min(len(problems), maxProblems)])
		for i := range e.Problems {
			if p := &e.Problems[i]; len(p.Source) > maxSource {
				p.Source = ""
			}
		}
		e.Message = problems[0].Error()
		if len(problems) > 1 {
			e.Message = "the files are at fault, see problems"
		}
	}
	return e
}
