package cli

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"labelgate/engine"
	"labelgate/internal/control"
	"labelgate/internal/load"
	"labelgate/internal/policyfile"
)

// checked is what check prints as JSON.
type checked struct {
	Fine     bool              `json:"fine"`
	Files    []string          `json:"files"`
	Zones    int               `json:"zones"`
	Labels   int               `json:"labels"`
	Rules    int               `json:"rules"`
	Hosts    int               `json:"hosts"`
	Problems []control.Problem `json:"problems"`
	Digest   string            `json:"digest,omitempty"` // of all files but the manifest
	Seal     *seal             `json:"seal,omitempty"`   // of the manifest, where there is one
}

func newCheck(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Find everything wrong with a settings file and its policy",
		Long: `Reads the settings file and the policy it names exactly as labelgated would,
without root and without touching the machine, and lists everything wrong at
once: file, line, column, a caret and what to do. Warnings mean something, but
perhaps not what was meant; they alone do not make the check fail.

Where the policy has a MANIFEST, everything must be what it says; see
'labelgate seal'. Files must belong to root or to you, for a labelgated that you
start, and nobody else may be able to write them.

The settings are looked at first, then the files of the policy, then what they
mean together: what is wrong in an earlier step can hide what a later one finds.

Ends with 0 when labelgated would take the files, 1 when it would refuse them,
and 2 when they cannot be read.`,
		Example: `  labelgate check /etc/labelgate/labelgate.toml`,
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var problems policyfile.Problems
			tell := func(p policyfile.Problem) { problems = append(problems, p) }
			g, err := load.Options{Untrusted: tell}.Load(args[0], 1)
			var found policyfile.Problems
			if err != nil && !errors.As(err, &found) {
				return err
			}
			c := checked{Files: []string{}}
			if err == nil {
				p := g.Snapshot.Policy()
				found = g.Warnings
				c = checked{
					Fine: len(problems) == 0, Files: g.Files, Zones: g.Snapshot.Zones(), Labels: p.Labels() - int(engine.FirstLabel),
					Rules: p.RuleCount(), Hosts: g.Snapshot.Entries(), Digest: hex.EncodeToString(g.Digest[:]), Seal: asSeal(&g.Seal),
				}
			}
			problems = append(problems, found...)
			c.Problems = control.Problems(problems)
			if s.json {
				if err := printJSON(cmd.OutOrStdout(), c); err != nil {
					return err
				}
			} else {
				printProblems(cmd.ErrOrStderr(), problems)
				if c.Fine {
					fmt.Fprintf(cmd.OutOrStdout(), "fine: %s, %s, %s, %s in %s%s\n",
						plural(c.Zones, "zone", "zones"), plural(c.Labels, "label", "labels"), plural(c.Rules, "rule", "rules"),
						plural(c.Hosts, "host entry", "host entries"), plural(len(c.Files), "file", "files"), warned(len(problems)))
					if c.Seal != nil {
						fmt.Fprintln(cmd.OutOrStdout(), c.Seal)
					}
				}
			}
			if !c.Fine {
				return denied()
			}
			return nil
		},
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

func warned(n int) string {
	if n == 0 {
		return ""
	}
	return "; " + plural(n, "warning", "warnings")
}
