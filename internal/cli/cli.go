// Package cli is the operator's tool: one file a verb. Verbs read, ask the same
// packages as the daemon does, and print; they decide nothing themselves.
//
// What a verb prints on standard output is for scripts and does not change; what
// it says on standard error is for people.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/spf13/cobra"

	"labelgate/internal/load"
	"labelgate/internal/policyfile"
)

// Exit codes of every verb, those of Trusted Extensions' tnchkdb.
const (
	ExitFine   = 0 // allowed, or nothing found
	ExitDenied = 1 // denied, or problems found
	ExitUsage  = 2 // wrong usage, or input that cannot be read
)

// Streams are what a run reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Run runs one command line, without the program's name, and returns its exit
// code.
func Run(ctx context.Context, args []string, s Streams) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return ExitFine
	}
	if errors.Is(err, syscall.EPIPE) {
		return ExitDenied // whoever read the output has seen enough
	}
	code := ExitUsage
	var exit *exitError
	if errors.As(err, &exit) {
		code, err = exit.code, exit.err
	}
	if err != nil {
		report(s.Err, cmd, err)
	}
	return code
}

// exitError makes a verb end with a code. Its err, which may be nil, is what is
// still to be said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// denied ends a verb that has said what it had to say with ExitDenied.
func denied() error { return &exitError{code: ExitDenied} }

// found ends a verb with ExitDenied and a message.
func found(format string, args ...any) error {
	return &exitError{code: ExitDenied, err: fmt.Errorf(format, args...)}
}

// report says on standard error why a verb ended. Problems in files have their
// own form, with the line and a caret.
func report(w io.Writer, cmd *cobra.Command, err error) {
	var problems policyfile.Problems
	if errors.As(err, &problems) {
		printProblems(w, problems)
		return
	}
	fmt.Fprintf(w, "%s: %v\n", cmd.CommandPath(), err)
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(w, "See '%s --help'.\n", cmd.CommandPath())
	}
}

// printProblems prints problems or warnings, each with its line and a caret.
func printProblems(w io.Writer, problems policyfile.Problems) {
	if len(problems) > 0 {
		fmt.Fprintln(w, problems.Error())
	}
}

// anybodys are the options for verbs that only answer questions: whose files they
// are makes no difference to the answer.
func anybodys() load.Options { return load.Options{Untrusted: func(policyfile.Problem) {}} }

// usageError is a wrong command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usage returns an error that points at the verb's help.
func usage(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// arguments turns a check of the number of arguments into one whose error points
// at the verb's help.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}

// printJSON prints one value as one line.
func printJSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(value)
}
