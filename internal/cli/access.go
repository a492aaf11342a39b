package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"labelgate/engine"
	"labelgate/internal/policyfile"
)

type accessFlags struct {
	rules   []string
	dialect string
	queries string
}

func newAccess(s *settings) *cobra.Command {
	var f accessFlags
	cmd := &cobra.Command{
		Use:   "access --rules FILE... (SUBJECT OBJECT MODES | --queries FILE)",
		Short: "Ask whether a subject has access to an object",
		Long: `access answers as a Smack kernel's /sys/fs/smackfs/access2 does, from rules in
files. A rule file holds what is written to a kernel:

    SUBJECT OBJECT MODES          sets the modes of a pair (load2)
    SUBJECT OBJECT ALLOW DENY     adds and takes away modes (change-rule)
    revoke-subject SUBJECT        empties all rules of a subject

Files count in the order given, and later lines win. MODES are letters of rwxatl,
or - for none; reading them stops at the first letter that is not one of them.
A label that no rule names has access to nothing.

Files are read as a kernel reads them; --dialect labelgate reads those of a
policy's accesses.d, with comments.

Ends with 0 when access is allowed, 1 when it is denied, and 2 when a file cannot
be understood; with --queries, where the answers are what is printed, with 0.`,
		Example: `  labelgate access --rules site.rules Pop Snap w
  labelgate access --rules base.rules --rules site.rules --queries asked.tsv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(f.rules) == 0 {
				return usage("wants at least one --rules")
			}
			if f.queries != "" {
				if len(args) != 0 {
					return usage("--queries takes the place of SUBJECT OBJECT MODES")
				}
				return accessQueries(cmd, s, &f)
			}
			if len(args) != 3 {
				return usage("wants SUBJECT OBJECT MODES or --queries, not %d arguments", len(args))
			}
			return accessOne(cmd, s, &f, args)
		},
	}
	cmd.Flags().StringArrayVar(&f.rules, "rules", nil, "`FILE` of rules; may be given more than once")
	cmd.Flags().StringVar(&f.dialect, "dialect", "kernel", "whose reading of rule files: labelgate, kernel, libsmack or systemd")
	cmd.Flags().StringVar(&f.queries, "queries", "", "answer 1 or 0 for each line SUBJECT<TAB>OBJECT<TAB>MODES of `FILE` (- is standard input)")
	return cmd
}

// accessAnswer is what --json prints.
type accessAnswer struct {
	Subject   string `json:"subject"`
	Object    string `json:"object"`
	Requested string `json:"requested"`
	Allowed   bool   `json:"allowed"`
	Step      string `json:"step"`
	Rule      string `json:"rule,omitempty"`
}

func accessOne(cmd *cobra.Command, s *settings, f *accessFlags, args []string) error {
	p, err := loadRules(cmd, f)
	if err != nil {
		return err
	}
	subject, _ := p.Lookup(args[0])
	object, _ := p.Lookup(args[1])
	want := engine.ParseAccessKernel(args[2])
	d := p.Check(subject, object, want)
	a := answer(p, d)
	a.Subject, a.Object, a.Requested = args[0], args[1], want.String()
	switch {
	case s.json:
		err = printJSON(cmd.OutOrStdout(), a)
	default:
		word := "deny"
		if a.Allowed {
			word = "allow"
		}
		line := word + " " + a.Step
		if a.Rule != "" {
			line += " " + a.Rule
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), line)
	}
	if err == nil && !a.Allowed {
		return denied()
	}
	return err
}

func answer(p *engine.Policy, d engine.Decision) accessAnswer {
	a := accessAnswer{Allowed: d.Allowed, Step: d.Step.String()}
	if d.Rule != engine.NoRule {
		a.Rule = p.Rule(d.Rule).Origin.String()
	}
	return a
}

// loadRules compiles rule files, as a kernel would take them unless another
// dialect is wanted.
func loadRules(cmd *cobra.Command, f *accessFlags) (*engine.Policy, error) {
	dialect, err := policyfile.ParseDialect(f.dialect)
	if err != nil {
		return nil, usage("--dialect: %v", err)
	}
	b := engine.NewBuilder()
	var problems policyfile.Problems
	for _, name := range f.rules {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		problems = append(problems, policyfile.Rules(name, data, dialect, b)...)
	}
	faults, warnings := problems.Split()
	printProblems(cmd.ErrOrStderr(), warnings)
	if len(faults) > 0 {
		return nil, faults
	}
	return b.Build(), nil
}
