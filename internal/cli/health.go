package cli

import (
	"github.com/spf13/cobra"

	"labelgate/internal/control"
)

func newHealth(s *settings) *cobra.Command {
	var g gateway
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Say whether a running labelgated does what it is there for",
		Long: `Asks labelgated to look at itself, and prints a line for each thing that it looked
at; what is at fault is in capitals and says what to do. For programs that watch
the gateway.

Ends with 0 when all is well, and with 1 when something is not, no labelgated
answers, or it does not let you.`,
		Example: `  labelgate health || systemctl status labelgated`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := ask[control.Health](cmd.Context(), &g, control.VerbHealth)
			if err != nil {
				return err
			}
			if s.json {
				err = printJSON(cmd.OutOrStdout(), h)
			} else {
				t := newTable(cmd.OutOrStdout(), "CHECK", "IS", "FOUND")
				for _, c := range h.Checks {
					word := "fine"
					if !c.Healthy {
						word = "FAULT"
					}
					t.row(c.Name, word, c.Message)
				}
				err = t.flush()
			}
			if err == nil && !h.Healthy {
				err = denied()
			}
			return err
		},
	}
	g.flags(cmd)
	return cmd
}
