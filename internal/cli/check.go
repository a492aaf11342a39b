package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"labelgate/internal/load"
	"labelgate/internal/policyfile"
)

// checked is what check prints as JSON.
type checked struct {
	Fine     bool      `json:"fine"`
	Files    []string  `json:"files,omitempty"`
	Zones    int       `json:"zones"`
	Labels   int       `json:"labels"`
	Rules    int       `json:"rules"`
	Hosts    int       `json:"hosts"`
	Problems []problem `json:"problems,omitempty"`
}

// problem is a policyfile.Problem as JSON.
type problem struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Severity string `json:"severity"` // "error" or "warning"
	Code     string `json:"code,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Source   string `json:"source,omitempty"`
}

func asJSON(problems policyfile.Problems) []problem {
	var all []problem
	for _, p := range problems {
		q := problem{File: p.File, Line: p.Line, Column: p.Column, Severity: "error", Code: p.Code, Message: p.Message, Hint: p.Hint, Source: p.Source}
		if p.Warning {
			q.Severity = "warning"
		}
		all = append(all, q)
	}
	return all
}

func newCheck(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Find everything wrong with a settings file and its policy",
		Long: `Reads the settings file and the policy it names exactly as labelgated would,
without root and without touching the machine, and lists everything wrong at
once: file, line, column, a caret and what to do. Warnings mean something, but
perhaps not what was meant; they alone do not make the check fail.

Ends with 0 when labelgated would take the files, 1 when it would refuse them,
and 2 when they cannot be read.`,
		Example: `  labelgate check /etc/labelgate/labelgate.toml`,
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := load.Load(args[0], 1)
			var problems policyfile.Problems
			if err != nil && (!errors.As(err, &problems) || errors.Is(err, fs.ErrNotExist)) {
				return err
			}
			var c checked
			if err == nil {
				p := g.Snapshot.Policy()
				problems = g.Warnings
				c = checked{Fine: true, Files: g.Files, Zones: g.Snapshot.Zones(), Labels: p.Labels() - 1, Rules: p.RuleCount(), Hosts: g.Snapshot.Entries()}
			}
			c.Problems = asJSON(problems)
			if s.json {
				if err := printJSON(cmd.OutOrStdout(), c); err != nil {
					return err
				}
			} else {
				printProblems(cmd.ErrOrStderr(), problems)
				if c.Fine {
					fmt.Fprintf(cmd.OutOrStdout(), "fine: %d zones, %d labels, %d rules, %d host entries in %d files\n",
						c.Zones, c.Labels, c.Rules, c.Hosts, len(c.Files))
				}
			}
			if !c.Fine {
				return denied()
			}
			return nil
		},
	}
}
