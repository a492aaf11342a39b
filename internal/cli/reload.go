package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"labelgate/internal/control"
)

// reloaded is what reload prints as JSON.
type reloaded struct {
	Reloaded bool `json:"reloaded"`
	*control.Reload
	Error *control.Error `json:"error,omitempty"`
}

func newReload(s *settings) *cobra.Command {
	var g gateway
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have a running labelgated take over its settings and policy",
		Long: `Has labelgated read its settings and its policy anew. They are taken over whole,
from one packet to the next, or not at all: when anything is wrong with them, it
is listed with file, line and column, and the policy before stays in force.

The same can be had by SIGHUP, without an answer. Only admins may ask, see
[control] in the settings.

Ends with 0 when the files were taken over, 1 when no labelgated answers or it
does not let you, and 2 when the files were refused and nothing has changed.`,
		Example: `  labelgate check /etc/labelgate/labelgate.toml && labelgate reload`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := ask[control.Reload](cmd.Context(), &g, control.VerbReload)
			var refused *control.Error
			if errors.As(err, &refused) && refused.Code == control.CodeRefused {
				return notReloaded(cmd, s, refused)
			}
			if err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), reloaded{Reloaded: true, Reload: &r})
			}
			printProblems(cmd.ErrOrStderr(), control.PolicyProblems(r.Warnings))
			p := &r.Policy
			fmt.Fprintf(cmd.OutOrStdout(), "reloaded: generation %d with %s, %s, %s, %s%s\n", p.Generation,
				plural(p.Zones, "zone", "zones"), plural(p.Labels, "label", "labels"), plural(p.Rules, "rule", "rules"),
				plural(p.Hosts, "host entry", "host entries"), warned(p.Warnings))
			for _, name := range r.Pending {
				fmt.Fprintf(cmd.OutOrStdout(), "%s has changed, which needs a restart\n", plain(name))
			}
			return nil
		},
	}
	g.flags(cmd)
	return cmd
}

// notReloaded prints why the files were refused.
func notReloaded(cmd *cobra.Command, s *settings, e *control.Error) error {
	if s.json {
		if err := printJSON(cmd.OutOrStdout(), reloaded{Error: e}); err != nil {
			return err
		}
		return &exitError{code: ExitUsage}
	}
	printProblems(cmd.ErrOrStderr(), control.PolicyProblems(e.Problems))
	if len(e.Problems) > 0 {
		return &exitError{code: ExitUsage, err: errors.New("refused; nothing has changed")}
	}
	return &exitError{code: ExitUsage, err: fmt.Errorf("refused, nothing has changed: %s", plain(e.Message))}
}
