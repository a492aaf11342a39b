package cli

import (
	"github.com/spf13/cobra"

	"labelgate/internal/version"
)

// settings holds the flags that every verb has.
type settings struct {
	json bool // print JSON, one object a line
}

// newRoot builds the command with all its verbs. A new verb is a file of its own
// and a line here.
func newRoot() *cobra.Command {
	s := &settings{}
	root := &cobra.Command{
		Use:   "labelgate",
		Short: "Ask, check and watch a network labeling gateway",
		Long: `labelgate is the tool beside labelgated, the network labeling gateway. It reads
the same settings and policies by the same code, and asks a running labelgated
what it does.

Every verb ends with 0 when all is fine or allowed, 1 when something is denied or
wrong, and 2 when the command line or a file cannot be understood.`,
		Example: `  labelgate access --rules site.rules Pop Snap w
  labelgate status
  labelgate cipso decode 860e00000003010800fa3337b780`,
		Version:       version.String(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs, // onlyVerbs looks at them
		RunE:          onlyVerbs,
	}
	root.SetVersionTemplate("labelgate {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.PersistentFlags().BoolVar(&s.json, "json", false, "print JSON, one object a line")
	root.AddCommand(
		newAccess(s),
		newAudit(s),
		newCheck(s),
		newCIPSO(s),
		newExplain(s),
		newHealth(s),
		newLab(s),
		newReload(s),
		newReplay(s),
		newRotate(s),
		newSeal(s),
		newShow(s),
		newStatus(s),
		newUpgrade(s),
	)
	return root
}

// onlyVerbs runs a command that does nothing without one of its verbs.
func onlyVerbs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	cmd.SuggestionsMinimumDistance = 2 // which cobra does not take over from the command above
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		return usage("unknown verb %q; did you mean %q?", args[0], like[0])
	}
	return usage("unknown verb %q", args[0])
}
